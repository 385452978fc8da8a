"""Makes tokenizer.jsonl: texts of many scripts with the tokens that Python's tokenizers gives.

SmolLM2's tokenizer is built from the GGUF file's pieces and merges by Python's `tokenizers`
(Oniguruma as its regex engine), with the rules of SmolLM2's published tokenizer.json, and held
here against a byte-pair encoder written out in plain Python over the `regex` package. MiniLM's
tokenizer.json is opened as it is. Needs the models: cargo xtask models.
"""

import json
import random
import unicodedata
from pathlib import Path

import gguf
import regex
import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "assets" / "models"
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"

# The first article of the declaration of human rights, or what speakers of a language would
# write first: real text, so that merges run deep.
SENTENCES = """
All human beings are born free and equal in dignity and rights.
Tous les êtres humains naissent libres et égaux en dignité et en droits.
Alle Menschen sind frei und gleich an Würde und Rechten geboren.
Todos los seres humanos nacen libres e iguales en dignidad y derechos.
Todos os seres humanos nascem livres e iguais em dignidade e em direitos.
Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.
Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.
Alla människor är födda fria och lika i värde och rättigheter.
Alle mennesker er født frie og like i verd og rettigheter.
Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.
Minden emberi lény szabadon születik és egyenlő méltósága és joga van.
Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.
Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.
Toate ființele umane se nasc libere și egale în demnitate și în drepturi.
Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.
Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.
Все люди рождаются свободными и равными в своем достоинстве и правах.
Всі люди народжуються вільними і рівними у своїй гідності та правах.
Всички хора се раждат свободни и равни по достойнство и права.
Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։
ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.
כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.
يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.
تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.
تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔
सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।
সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।
மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.
ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు.
എല്ലാ മനുഷ്യരും തുല്യാവകാശങ്ങളോടും അന്തസ്സോടും സ്വാതന്ത്ര്യത്തോടുംകൂടി ജനിച്ചവരാണ്.
සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත.
มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ
ມະນຸດທຸກຄົນເກີດມາມີກຽດສັກສີ ສິດທິ ເສລີພາບ ແລະ ຄວາມສະເໝີພາບເທົ່າທຽມກັນ.
လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း မွေးဖွားလာသူများ ဖြစ်သည်။
មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ។
འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང༌།
Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.
人人生而自由，在尊严和权利上一律平等。
人人生而自由，在尊嚴和權利上一律平等。
すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。
모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.
የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።
Hүн бүр төрж мэндлэхэд эрх чөлөөтэй, адилхан нэр төртэй, ижил эрхтэй байдаг.
ᎾᏂᎥ ᏴᏫ ᎨᎦᏛᎯᏴ ᎤᏂᏠᏱ.
""".strip().splitlines()

HAND_MADE = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "a", "A", "0", ".", "\0", "a\0b",
    "Hello, world!", "hello  world", " leading", "trailing ", "a  b   c    d", "tab\tand\nline",
    "I'm you're he's we've they'd I'll can't", "I'M YOU'RE HE'S WE'VE THEY'D I'LL CAN'T",
    "it's 's ''s ' s", "'\u017f '\u017fx", "rock'n'roll", "don\u2019t", "1234567890", "3.14159",
    "1,000,000.50", "2026-11-22T21:00:00Z", "x1y22z333", "½ ² ³ ⅷ Ⅷ ٣ ४ ๕ 五 ㊄", "0x1F 1e-5",
    "def f(x):\n    return x ** 2\n", "<div class=\"a\">&amp;</div>", "{\"k\": [1, null]}",
    "SELECT * FROM t WHERE a='b';", "https://example.org/a?b=c&d=%20#e", "a@b.co", "C:\\dir\\f.txt",
    "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n", "a<|im_end|>b", "<|im_end|", "< |im_end|>",
    "<file_sep>x<repo_name>", "[CLS] [SEP] [MASK] [PAD] [UNK]", "[mask]", "a[MASK]b", "[ MASK ]",
    "👩‍👩‍👧‍👦 family", "👍🏽👍🏿", "🇵🇹🇧🇷🇨", "❤️🔥❤️‍🔥", "1️⃣2️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀😃😄", "\U0001f9d1\u200d\U0001f4bb",
    "e\u0301 \u00e9 E\u0301", "a\u0300\u0301\u0302\u0303b", "\u0301start", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "ﬁ ﬂ ﬃ Ǆ",
    "İstanbul ıI ß ẞ ς Σ", "\u00a0nbsp\u00a0", "\u3000全角\u3000", "Ｆｕｌｌ　ｗｉｄｔｈ", "\u200bzero\u200bwidth",
    "\u202eright-to-left\u202c", "\u2066x\u2069", "\ufeffbom", "\u00adsoft\u00adhyphen", "\u2028\u2029",
    "\u0085next", "\u001c\u001d\u001e\u001f", "\u007f\u0080\u009f", "\ufffd\ufffe\uffff", "\U0010ffff",
    "\ue000\uf8ff", "𝕬𝖑𝖕𝖍𝖆 𝟙𝟚", "𐍈𐎠𒀀𓀀", "㍿㌔㎞", "¿¡«»“”‘’„‚…—–‐", "+−×÷=≠≤≥∞∑∏√∫", "$€£¥₹₿", "©®™°§¶",
    "a" * 200, "ab" * 100, " " * 40, "\n" * 40, "-" * 80, "!?" * 30, "1" * 50, "é" * 60, "日" * 40,
    "supercalifragilisticexpialidocious", "Donaudampfschifffahrtsgesellschaft", "x" * 101, "y" * 100,
    "unaffable", "Unbelievably", "antidisestablishmentarianism", "naïve café résumé", "ÀÉÎÕÜ",
    "camelCaseWord snake_case_word kebab-case-word SCREAMING_CASE", "don''t", "`code` **bold** _it_",
    "# Title\n\n- one\n- two\n\n1. a\n2. b\n", "a\u2060b", "क्षत्रिय", "ক্ষ", "கௌ", "ก็", "각\u1100\u1161\u11a8",
    "がぎぐ か\u3099", "ｶﾞ", "ﷺ", "لا إله", "‏שלום‎", "a‍b", "a‌b",
]

BLOCKS = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x100, 0x17F), (0x180, 0x24F), (0x250, 0x2AF), (0x2B0, 0x36F),
    (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x700, 0x7BF),
    (0x900, 0x97F), (0x980, 0x9FF), (0xA00, 0xAFF), (0xB00, 0xBFF), (0xC00, 0xCFF), (0xD00, 0xDFF),
    (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF),
    (0x1200, 0x137F), (0x13A0, 0x13FF), (0x1400, 0x167F), (0x1680, 0x16FF), (0x1780, 0x17FF),
    (0x1800, 0x18AF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F),
    (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2150, 0x218F), (0x2190, 0x22FF), (0x2460, 0x24FF),
    (0x2500, 0x25FF), (0x2600, 0x27BF), (0x2800, 0x28FF), (0x2E80, 0x2FDF), (0x3000, 0x303F),
    (0x3040, 0x30FF), (0x3100, 0x318F), (0x3200, 0x33FF), (0x3400, 0x3500), (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF), (0xA700, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF),
    (0xFE00, 0xFE6F), (0xFF00, 0xFFEF), (0x10000, 0x100FF), (0x10300, 0x103DF), (0x12000, 0x120FF),
    (0x13000, 0x130FF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F1FF), (0x1F300, 0x1F6FF),
    (0x1F900, 0x1F9FF), (0x20000, 0x20100), (0xE0020, 0xE007F),
]


def is_settled(character: str) -> bool:
    """Whether a character has long been in Unicode: engines of different ages agree on it."""
    return unicodedata.category(character) != "Cn"


def texts(pieces: list[str]) -> list[str]:
    """The texts, the same ones every time."""
    dice = random.Random(20261122)
    made = list(HAND_MADE) + list(SENTENCES)
    words = [word for sentence in SENTENCES for word in sentence.split()]
    for sentence in SENTENCES:
        for _ in range(8):
            start = dice.randrange(len(sentence))
            made.append(sentence[start : start + dice.randrange(1, 40)])
    for _ in range(500):
        count = dice.randrange(1, 7)
        glue = dice.choice([" ", "  ", "", "\n", ", ", "-", "\t", "\u00a0"])
        made.append(glue.join(dice.choice(words) for _ in range(count)))
    for first, last in BLOCKS:
        block = [chr(c) for c in range(first, last + 1) if is_settled(chr(c))]
        for _ in range(14):
            length = dice.randrange(1, 14)
            extra = [" ", "a", "1", ".", "\u0301", "\n"]
            made.append(
                "".join(
                    dice.choice(extra) if dice.random() < 0.25 else dice.choice(block)
                    for _ in range(length)
                )
            )
    for _ in range(900):
        made.append("".join(dice.choice(pieces) for _ in range(dice.randrange(1, 8))))
    everything = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    everything = [c for c in everything if is_settled(c)]
    for _ in range(300):
        made.append("".join(dice.choice(everything) for _ in range(dice.randrange(1, 8))))
    return list(dict.fromkeys(made))


class Reference:
    """SmolLM2's rules written out: digits by themselves, GPT-2's pattern, merges by rank."""

    def __init__(self, pieces: list[str], merges: list[tuple[str, str]], special: list[str]):
        self.ids = {piece: i for i, piece in enumerate(pieces)}
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.special = regex.compile("(" + "|".join(map(regex.escape, special)) + ")")
        self.is_special = set(special)
        self.pattern = regex.compile(GPT2)
        self.digit = regex.compile(r"(\p{N})")
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        hidden = [byte for byte in range(256) if byte not in printable]
        self.chars = {byte: chr(byte) for byte in printable}
        self.chars |= {byte: chr(256 + i) for i, byte in enumerate(hidden)}

    def encode(self, text: str) -> list[int]:
        ids = []
        for part in self.special.split(text):
            if part in self.is_special:
                ids.append(self.ids[part])
                continue
            for run in self.digit.split(part):
                for word in self.pattern.findall(run):
                    ids += self.merge([self.chars[byte] for byte in word.encode()])
        return ids

    def merge(self, parts: list[str]) -> list[int]:
        # Bytes that no piece stands for are left out, as the library does.
        parts = [part for part in parts if part in self.ids]
        while len(parts) > 1:
            ranks = [self.ranks.get(pair, 1 << 30) for pair in zip(parts, parts[1:])]
            at = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[at] == 1 << 30:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [self.ids[part] for part in parts]


def fnv(numbers: list[int]) -> int:
    """FNV-1a over 32-bit words: enough to tell that two rows of numbers differ."""
    state = 0x811C9DC5
    for number in numbers:
        state = ((state ^ (number & 0xFFFFFFFF)) * 0x01000193) & 0xFFFFFFFF
    return state


def smollm2() -> tuple[tokenizers.Tokenizer, Reference, list[str]]:
    reader = gguf.GGUFReader(MODELS / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    pieces = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in reader.fields["tokenizer.ggml.merges"].contents()]
    special = [piece for piece, kind in zip(pieces, kinds) if kind == 3]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return tokenizer, Reference(pieces, merges, special), pieces


def spans(encoding: tokenizers.Encoding) -> list[int]:
    return [number for span in encoding.offsets for number in span]


def cuts(pattern: str, text: str) -> int:
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    return fnv([number for _, span in split.pre_tokenize_str(text) for number in span])


def make(folder: Path) -> None:
    smol, reference, pieces = smollm2()
    mini = tokenizers.Tokenizer.from_file(str(MODELS / "all-minilm-l6-v2" / "tokenizer.json"))
    mini.no_truncation()
    mini.no_padding()
    decoded = [smol.decode([i], skip_special_tokens=False) for i in range(len(pieces))]
    dice = random.Random(5)
    decoded = [piece for piece in dice.sample(decoded, 6000) if "\ufffd" not in piece]
    n_texts = 0
    with open(folder / "tokenizer.jsonl", "w", encoding="utf-8") as out:
        for text in texts(decoded):
            of_smol, of_mini = smol.encode(text), mini.encode(text)
            assert of_smol.ids == reference.encode(text), text
            row = {
                "text": text,
                "smollm2": of_smol.ids,
                "smollm2_spans": fnv(spans(of_smol)),
                "minilm": of_mini.ids,
                "minilm_spans": fnv(spans(of_mini)),
                "cuts": [cuts(pattern, text) for pattern in (LLAMA3, QWEN2, BLOOM)],
            }
            out.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")
            n_texts += 1
    print(f"{n_texts} texts")


if __name__ == "__main__":
    make(HERE)
