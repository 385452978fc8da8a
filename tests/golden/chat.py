"""Makes chat.json: conversations as transformers' apply_chat_template writes them, by templates of
published instruction models (their source as the models have it) and by ones that try what Jinja
can. For tests/chat.rs and tests/web/cases/chat.mjs."""

import json
from pathlib import Path

import gguf
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
SMOLLM2 = HERE.parent.parent / "assets/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"

TEMPLATES = {
    # HuggingFaceH4/zephyr-7b-beta
    "zephyr": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    # mistralai/Mistral-7B-Instruct-v0.1
    "mistral": "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
    # meta-llama/Llama-2-7b-chat-hf
    "llama2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    # google/gemma-7b-it
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    # meta-llama/Meta-Llama-3-8B-Instruct
    "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    # What templates of reasoning and tool models lean on: namespaces, splits, JSON, reversed lists.
    "reasoning": "{%- set ns = namespace(last=-1) -%}\n{%- for m in messages[::-1] %}\n    {%- if ns.last < 0 and m.role == \"user\" %}\n        {%- set ns.last = messages|length - 1 - loop.index0 %}\n    {%- endif %}\n{%- endfor %}\n{%- for m in messages %}\n    {%- set content = m.content %}\n    {%- if m.role == \"assistant\" and '</think>' in content %}\n        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n    {{- '<|im_start|>' + m.role + '\\n' + content.rstrip() + '<|im_end|>\\n' }}\n{%- endfor %}\n{{- ns.last ~ ' ' ~ ({'roles': messages | map(attribute='role') | list, 'n': messages | length} | tojson) }}\n{%- if add_generation_prompt %}\n    {{- '\\n<|im_start|>assistant\\n' }}\n{%- endif %}",
    # Blocks on lines of their own; a loop that stops.
    "blocks": "    {% for m in messages %}\n    {% if m.content.startswith('stop') %}\n    {% break %}\n    {% endif %}\n{{ loop.index }}: {{ m.role | upper }} {{ m['content'] | replace('\\n', ' / ') }}\n    {% endfor %}\nend{{ undefined_name }}{% if tools is defined %}tools{% endif %}\n",
}

USER = [{"role": "user", "content": "What is the capital of France?"}]
CONVERSATIONS = [
    USER,
    [{"role": "system", "content": "Answer in one word."}, *USER],
    [*USER, {"role": "assistant", "content": "<think>\neasy\n</think>\n\nParis. "}, {"role": "user", "content": "  And of <Spain> & \"Peru\"?\nBoth. \n"}],
    [{"role": "system", "content": "Être bref 🦊"}, {"role": "user", "content": "naïve мир 日本"}],
    [{"role": "user", "content": "one"}, {"role": "user", "content": "stop two"}],
    [{"role": "user", "content": ""}],
]


def make():
    templates = {"smollm2": gguf.GGUFReader(SMOLLM2).fields["tokenizer.chat_template"].contents(), **TEMPLATES}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE({"<s>": 0, "</s>": 1}, [])), bos_token="<s>", eos_token="</s>")
    rows = []
    for name, source in templates.items():
        for turns in CONVERSATIONS:
            row = {"name": name, "source": source, "turns": [[turn["role"], turn["content"]] for turn in turns]}
            try:
                row["text"] = tokenizer.apply_chat_template(
                    turns, chat_template=source, tokenize=False, add_generation_prompt=True)
            except Exception as err:
                row["error"] = str(err)
            rows.append(row)
    (HERE / "chat.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    make()
