//! Texts that belong to one of a few classes, which is the output.

use super::super::random::below;
use super::{Example, Task};

/// Bits: whether the ones are even (e) or odd (o) in number, which no part of the text shows (Minsky and
/// Papert 1969, "Perceptrons").
pub(super) const PARITY: Task = Task {
    name: "parity",
    title: "Say whether the ones are even or odd in number",
    alphabet: "01eo",
    make: |random, difficulty| {
        let n_bits = 4 * difficulty + below(random, 4 * difficulty + 1);
        let bits: String =
            (0..n_bits).map(|_| if below(random, 2) == 0 { '0' } else { '1' }).collect();
        let is_even = bits.matches('1').count().is_multiple_of(2);
        Example::new(bits, if is_even { "e" } else { "o" })
    },
};

/// Letters, an odd number of them: which of the two there are more of.
pub(super) const MAJORITY: Task = Task {
    name: "majority",
    title: "Say which letter there is more of",
    alphabet: "ab",
    make: |random, difficulty| {
        let n_letters = 2 * (3 * difficulty + below(random, 2 * difficulty + 1)) + 1;
        let letters: String =
            (0..n_letters).map(|_| if below(random, 2) == 0 { 'a' } else { 'b' }).collect();
        let n_a = letters.matches('a').count();
        Example::new(letters, if 2 * n_a > n_letters { "a" } else { "b" })
    },
};

/// Words of four languages, without accents, that are in one of them only.
const LANGUAGES: [(&str, &str); 4] = [
    (
        "english",
        "the with from have this which their would there could other about many then them these \
         some her make like time look more write number way people water long find down day come made \
         part over sound take only little work know place year live back give most very after thing \
         our just name good sentence man think say great where help through much before line right \
         too mean old any same tell boy follow came want show also around form three small set put \
         end does another well large must big even such because turn here why ask went men read need \
         different home move try picture again change off play spell air away animal",
    ),
    (
        "german",
        "und der die das ist nicht mit sich auf ein eine auch wir aus wenn nach wie bei noch nur \
         aber haben werden sein wird sind kann dann jetzt immer hier schon mehr alle wieder gegen \
         vom durch zwei jahr uhr geht sehr hat kommen machen leben menschen zeit tag frau mann \
         haus welt stadt weg auge wasser wort weil diese dieser oder zwischen unter vor \
         seit doch heute morgen gestern abend nacht gehen sagen sehen stehen finden bleiben liegen \
         denken nehmen glauben halten lassen bringen schreiben sprechen gross klein alt jung neu \
         gut schlecht lang kurz stark schwach warm kalt schnell langsam wald berg fluss baum vogel",
    ),
    (
        "french",
        "les des est dans qui une pour pas sur avec sont mais comme tout nous vous leur bien \
         aussi cette fait deux peut elle ses ces aux sans sous etre avoir faire dire pouvoir aller \
         voir savoir vouloir devoir prendre trouver donner falloir parler mettre passer \
         regarder aimer croire demander rester repondre entendre penser arriver connaitre devenir \
         sembler tenir comprendre rendre attendre sortir vivre entrer porter chercher revenir \
         jour temps homme femme enfant maison monde pays ville main yeux eau mot nuit heure chose \
         mer rue tete mere pere soir matin jamais toujours encore rien grand petit jeune vieux beau",
    ),
    (
        "spanish",
        "los las del por con para como pero sus este entre cuando muy sin sobre ser tiene todo \
         esta desde son fue habia hasta hay donde quien durante todos uno ellos esto antes algunos \
         unos otro otras otra tanto esa estos mucho quienes nada muchos cual poco ella estar estas \
         algunas algo nosotros mis tus ellas hacer poder decir ver dar saber querer llegar pasar \
         deber poner parecer quedar creer hablar llevar dejar seguir encontrar llamar pensar \
         salir volver tomar conocer vivir tratar mirar contar empezar esperar buscar dia \
         tiempo hombre mujer casa mundo vida mano ojos agua noche cosa mar calle cabeza madre padre",
    ),
];

/// Words of one language; the output is its first letter.
pub(super) const LANGUAGE: Task = Task {
    name: "language",
    title: "Tell the language of the words by their letters",
    alphabet: "abcdefghijklmnopqrstuvwxyz ",
    make: |random, difficulty| {
        let (name, words) = LANGUAGES[below(random, LANGUAGES.len())];
        let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
        let chosen: Vec<&str> =
            (0..=difficulty).map(|_| words[below(random, words.len())]).collect();
        Example::new(chosen.join(" "), &name[..1])
    },
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::random::{Purpose, stream};
    use super::*;

    #[test]
    fn classes_follow_from_inputs_and_all_occur() {
        let mut random = stream(1, Purpose::Batch, 0);
        for task in [PARITY, MAJORITY, LANGUAGE] {
            let mut counts = BTreeMap::new();
            for _ in 0..400 {
                let Example { input, output } = (task.make)(&mut random, 2);
                *counts.entry(output.clone()).or_insert(0) += 1;
                let n = |letter| input.chars().filter(|&at| at == letter).count();
                match task.name {
                    "parity" => assert_eq!(output == "e", n('1') % 2 == 0, "{input}"),
                    "majority" => assert_eq!(output == "a", n('a') > n('b'), "{input}"),
                    _ => assert_eq!(input.split(' ').count(), 3, "{input}"),
                }
            }
            let n_classes = if task.name == "language" { 4 } else { 2 };
            assert_eq!(counts.len(), n_classes, "{counts:?}");
            assert!(counts.values().all(|&n| n > 50), "{counts:?}");
        }
    }

    #[test]
    fn no_word_is_of_two_languages() {
        let mut known = BTreeMap::new();
        for (name, words) in LANGUAGES {
            for word in words.split(' ').filter(|word| !word.is_empty()) {
                let before = known.insert(word, name);
                assert!(before.is_none_or(|before| before == name), "{word}: {before:?}, {name}");
            }
        }
    }
}
