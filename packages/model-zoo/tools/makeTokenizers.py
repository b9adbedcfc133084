"""Makes the tokenizers of test/fixtures/tokenizers and what the tokenizers and transformers packages say of some texts.

Run with transformers 5.17 and tokenizers 0.23.2: python packages/model-zoo/tools/makeTokenizers.py
"""

import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers, Regex
from tokenizers import AddedToken
from transformers import AutoTokenizer, PreTrainedTokenizerFast

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/fixtures/tokenizers")

corpus = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "A parrot learns words; a lorikeet learns colours. They're both birds, aren't they?",
    "In 1998 the tower was 324 metres tall. In 2024 it's 330 metres (1,083 ft) tall!",
    "Who wrote the report? The report was written by the committee in Zürich.",
    "naïve café résumé Ångström über façade — “quoted” … 50% of $3.99",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\t# three",
    "Training a model, training the models, trained models train other models.",
    "東京は日本の首都です。 北京是中国的首都。 서울은 한국의 수도이다.",
] * 4

texts = [
    "The quick brown fox.",
    "  Two  spaces, a tab\tand a\nnewline ",
    "Zürich isn't naïve: café — “été” 1998!",
    "Zu\u0308rich cafe\u0301 (decomposed)",
    "東京 and 서울, 𠮷野家 👩‍👧 😀!",
    "ΟΔΥΣΣΕΥΣ İstanbul ﬁne ½ Ⅷ",
    "unseenwordsaresplitintopieces zzzzqqq",
    "don't they're I'LL we've",
    "a\u0000b\u200bc\u00a0d\ufeffe",
    "<mask> [MASK] and </s> [SEP] text",
    "",
    "word",
    "a+b==c; $3.99 (50%)... end",
    "𝔘nicode ąćę שלום مرحبا हिन्दी ไทย",
]
pairs = [("Who wrote the report?", "The report was written by the committee in Zürich."), ("a", "b c d")]


def units(text, offsets):
    """Offsets in code points as offsets in UTF-16, as JavaScript counts."""
    at = [0]
    for char in text:
        at.append(at[-1] + (2 if ord(char) > 0xFFFF else 1))
    return [[at[start], at[end]] for start, end in offsets]


def case(tokenizer, text, pair=None):
    encoding = tokenizer._tokenizer.encode(text, pair)
    offsets = []
    for (start, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        source = pair if sequence == 1 else text
        offsets += units(source, [(start, end)])
    return {
        "text": text,
        **({} if pair is None else {"pair": pair}),
        "ids": encoding.ids,
        "type_ids": encoding.type_ids,
        "offsets": offsets,
        "words": encoding.word_ids,
        "sequences": encoding.sequence_ids,
        "special": encoding.special_tokens_mask,
        "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
    }


def write(name, tokenizer, **config):
    folder = os.path.join(here, name)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **config)
    fast.save_pretrained(folder)
    for part in ["tokenizer.json", "tokenizer_config.json"]:
        path = os.path.join(folder, part)
        if os.path.exists(path):
            content = json.load(open(path, encoding="utf8"))
            content.pop("padding", None), content.pop("truncation", None)
            json.dump(content, open(path, "w", encoding="utf8"), ensure_ascii=False, separators=(",", ":"))
    expect(name, fast)


def expect(name, fast):
    cases = [case(fast, text) for text in texts] + [case(fast, *pair) for pair in pairs]
    with open(os.path.join(here, name, "expected.json"), "w", encoding="utf8") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases) + "\n]\n")


def bert():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=320, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    write("bert", tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)]
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    write(
        "roberta", tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", pad_token="<pad>",
        unk_token="<unk>", mask_token=AddedToken("<mask>", lstrip=True, special=True),
    )


def gpt2():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=380, special_tokens=["<|endoftext|>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    write("gpt2", tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")


chat = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def llama3():
    """A split by a pattern and bytes after it, as Llama 3 and Qwen have it, and a chat template."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0)]
            ),
        ]
    )
    write("llama3", tokenizer, bos_token="<|begin|>", eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=chat)
    fast = AutoTokenizer.from_pretrained(os.path.join(here, "llama3"))
    messages = [
        {"role": "user", "content": "Who wrote the report?"},
        {"role": "assistant", "content": "The committee in Zürich."},
        {"role": "user", "content": "And then?"},
        {"role": "assistant", "content": "They're both birds."},
    ]
    generation = chat.replace(
        "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}",
        "{{ '<|im_start|>' + message['role'] + '\\n' }}{% if message['role'] == 'assistant' %}"
        "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
        "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}",
    )
    masked = fast.apply_chat_template(
        messages, chat_template=generation, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    result = {
        "messages": messages,
        "text": fast.apply_chat_template(messages, tokenize=False),
        "prompt": fast.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True),
        "generation": generation,
        "ids": masked["input_ids"],
        "assistant": masked["assistant_masks"],
    }
    json.dump(result, open(os.path.join(here, "llama3", "chat.json"), "w", encoding="utf8"), ensure_ascii=False, indent=1)


def llama2():
    """A BPE of SentencePiece that falls back on bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False, max_token_length=8))
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    write("llama2", tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def t5():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.train_from_iterator(
        corpus,
        trainers.UnigramTrainer(
            vocab_size=250, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    write("t5", tokenizer, unk_token="<unk>", eos_token="</s>", pad_token="<pad>")


def charsmap(entries):
    """A map of characters as SentencePiece compiles it: a double-array trie, and the texts that its values point into."""
    texts, values = bytearray(), {}
    for key, value in entries.items():
        values[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    units, used = {0: 0}, {0}

    def place(prefix, at):
        labels = sorted({key[len(prefix)] for key in values if key.startswith(prefix) and len(key) > len(prefix)})
        wanted = ([0] if prefix in values else []) + labels
        base = next(base for base in range(1, 1 << 20) if all(base ^ label not in used for label in wanted))
        used.update(base ^ label for label in wanted)
        units[at] |= (base ^ at) << 10
        if prefix in values:
            units[at] |= 1 << 8
            units[base] = values[prefix] | 1 << 31
        for label in labels:
            units[base ^ label] = label
            place(prefix + bytes([label]), base ^ label)

    place(b"", 0)
    size = (max(units) // 256 + 1) * 256
    array = b"".join(units.get(i, 0).to_bytes(4, "little") for i in range(size))
    return len(array).to_bytes(4, "little") + array + bytes(texts)


def spm():
    """The normalizer that tokenizers converted from SentencePiece have."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(
                charsmap({"\ufb01": "fi", "\u00bd": "1/2", "\u2167": "VIII", "\u00a0": " ", "\t": " ", "\n": " ", "u\u0308": "\u00fc",
                          "e\u0301": "\u00e9", "T": "t", "W": "w", "Z": "z", "\u200b": "", "\u2026": "..."})
            ),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.train_from_iterator(
        corpus,
        trainers.UnigramTrainer(
            vocab_size=220, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    write("spm", tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def marks():
    """Several pre-tokenizers and their ways to split."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Whitespace(),
            pre_tokenizers.Punctuation(behavior="contiguous"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split("e", behavior="merged_with_previous"),
        ]
    )
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>", "<pad>"], show_progress=False))
    write("marks", tokenizer, unk_token="<unk>", pad_token="<pad>")


def old():
    """Folders from before tokenizer.json."""
    from transformers import BertTokenizerFast, RobertaTokenizerFast, GPT2TokenizerFast

    for name, source in [("bert-old", "bert"), ("roberta-old", "roberta"), ("gpt2-old", "gpt2")]:
        folder = os.path.join(here, name)
        os.makedirs(folder, exist_ok=True)
        model = json.load(open(os.path.join(here, source, "tokenizer.json"), encoding="utf8"))["model"]
        if name == "bert-old":
            with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf8") as file:
                file.write("".join(token + "\n" for token, _ in sorted(model["vocab"].items(), key=lambda one: one[1])))
            vocab = model["vocab"]
            fast = BertTokenizerFast(vocab=vocab)
        else:
            json.dump(model["vocab"], open(os.path.join(folder, "vocab.json"), "w", encoding="utf8"), ensure_ascii=False)
            merges = [" ".join(pair) for pair in model["merges"]]
            with open(os.path.join(folder, "merges.txt"), "w", encoding="utf8") as file:
                file.write("#version: 0.2\n" + "".join(merge + "\n" for merge in merges))
            kind = RobertaTokenizerFast if name == "roberta-old" else GPT2TokenizerFast
            fast = kind(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]])
        expect(name, fast)


def truncated():
    """What is left of pairs at most so long; nothing where the library refuses."""
    tokenizer = Tokenizer.from_file(os.path.join(here, "bert", "tokenizer.json"))
    dog, fox = "a lazy dog", "the quick brown fox jumps over the dog"
    results = []
    for text, pair in [(fox, dog), (dog, fox), ("one", "two three")]:
        for truncation in ["longest_first", "only_first", "only_second"]:
            for length in [5, 6, 7, 8, 9, 10, 12, 40]:
                tokenizer.enable_truncation(length, strategy=truncation)
                try:
                    ids = tokenizer.encode(text, pair).ids
                except Exception:
                    ids = None
                results.append({"text": text, "pair": pair, "truncation": truncation, "maxLength": length, "ids": ids})
    with open(os.path.join(here, "bert", "truncated.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(one) for one in results) + "\n]\n")


def trained():
    """Vocabularies of one text, for our own training. The letters within words are given, since their order here is else by chance."""
    folder = os.path.join(here, "trained")
    os.makedirs(folder, exist_ok=True)
    licence = open(os.path.join(here, "../../../../../LICENSE"), encoding="utf8").read()
    lines = licence.split("\n") + corpus
    with open(os.path.join(folder, "text.txt"), "w", encoding="utf8") as file:
        file.write("\x1e".join(lines))
    results = []
    for size, frequency in [(300, 0), (600, 0), (2000, 2), (100000, 0)]:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        special = ["<|endoftext|>"]
        trainer = trainers.BpeTrainer(
            vocab_size=size, min_frequency=frequency, special_tokens=special, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
        tokenizer.train_from_iterator(lines, trainer)
        model = json.loads(tokenizer.to_str())["model"]
        merges = [" ".join(merge) for merge in model["merges"]]
        results.append({"kind": "byte-level-bpe", "vocabSize": size, "minFrequency": frequency, "special": special, "vocab": list(model["vocab"]), "merges": merges})
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=1, special_tokens=marks, show_progress=False))
    within = sorted(token for token in words.get_vocab() if token.startswith("##"))
    for size, frequency in [(300, 0), (1000, 2)]:
        special = marks + within
        words.train_from_iterator(
            lines, trainers.WordPieceTrainer(vocab_size=size, min_frequency=frequency, special_tokens=special, show_progress=False)
        )
        vocab = json.loads(words.to_str())["model"]["vocab"]
        results.append({"kind": "wordpiece", "vocabSize": size, "minFrequency": frequency, "special": special, "vocab": sorted(vocab, key=vocab.get)})
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf8") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in results) + "\n]\n")


for make in [bert, roberta, gpt2, llama3, llama2, t5, spm, marks, old, truncated, trained]:
    make()
