"""The cases of makeReference.py: a config, a class, and what the class is called with."""

cases = {}

SIZES = dict(
    vocab_size=13,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    max_position_embeddings=16,
)
# Numbers that no token has where a config would have those of its first release.
NO_SPECIAL = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2)

HEADS = {
    "seqcls": ("ForSequenceClassification", "text"),
    "tokcls": ("ForTokenClassification", "tokens"),
    "qa": ("ForQuestionAnswering", "span"),
    "choice": ("ForMultipleChoice", "choice"),
    "mlm": ("ForMaskedLM", "words"),
}


def add(name, config, model, kind, fields, **options):
    cases[name] = dict(config=config, model=model, kind=kind, fields=fields, **options)


def heads(name, config, prefix, fields, wanted=HEADS):
    for head in wanted:
        suffix, kind = HEADS[head]
        labels = dict(num_labels=3) if kind in ("text", "tokens") else {}
        add(f"{name}-{head}", config, prefix + suffix, kind, {**fields, **labels})


V3 = dict(
    SIZES,
    relative_attention=True,
    position_buckets=4,
    norm_rel_ebd="layer_norm",
    share_att_key=True,
    pos_att_type="p2c|c2p",
    position_biased_input=False,
    type_vocab_size=0,
)
heads("deberta-v2", "DebertaV2Config", "DebertaV2", V3, ["tokcls", "qa", "choice", "mlm"])
add("deberta-v2-mlm-v3", "DebertaV2Config", "DebertaV2ForMaskedLM", "words", dict(V3, legacy=False))
# The options of DeBERTa v2 xlarge and the first release: a convolution, layers of their own for distances, all inputs.
add(
    "deberta-v2-conv",
    "DebertaV2Config",
    "DebertaV2ForSequenceClassification",
    "text",
    dict(
        V3,
        num_labels=3,
        conv_kernel_size=3,
        conv_act="gelu",
        share_att_key=False,
        position_biased_input=True,
        type_vocab_size=2,
        position_buckets=-1,
        max_relative_positions=4,
        norm_rel_ebd="none",
        embedding_size=6,
    ),
)
add(
    "deberta-v2-c2p",
    "DebertaV2Config",
    "DebertaV2ForSequenceClassification",
    "text",
    dict(V3, num_labels=3, pos_att_type=["c2p"], share_att_key=False),
)

T5 = dict(
    vocab_size=13,
    d_model=8,
    d_kv=3,
    d_ff=12,
    num_layers=2,
    num_decoder_layers=1,
    num_heads=2,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=6,
    dropout_rate=0.0,
    decoder_start_token_id=0,
)
V11 = dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
add("t5-v1.1", "T5Config", "T5ForConditionalGeneration", "target", V11, untie="lm_head")
add("t5-encoder", "T5Config", "T5EncoderModel", "none", T5)
