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
add("t5-seqcls", "T5Config", "T5ForSequenceClassification", "text", dict(T5, num_labels=3), ends=1)
add("t5-tokcls", "T5Config", "T5ForTokenClassification", "tokens", dict(T5, num_labels=3))
add("t5-qa", "T5Config", "T5ForQuestionAnswering", "span", T5)

LLAMA = dict(
    vocab_size=13,
    hidden_size=16,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=16,
    rope_theta=10.0,
    **NO_SPECIAL,
)


def scaled(name, rope, **fields):
    rope = dict(rope_theta=10.0, **rope)
    config = {**LLAMA, "rope_parameters": rope, **fields}
    del config["rope_theta"]
    add(f"llama-{name}", "LlamaConfig", "LlamaForCausalLM", "next", config, generate=False)


scaled("linear", dict(rope_type="linear", factor=2.0))
# Texts of 7 tokens are longer than what these were trained on.
scaled("dynamic", dict(rope_type="dynamic", factor=2.0), max_position_embeddings=4)
scaled("dynamic-short", dict(rope_type="dynamic", factor=2.0))
scaled("yarn", dict(rope_type="yarn", factor=2.0, original_max_position_embeddings=8, beta_fast=4.0))
scaled(
    "yarn-weighted",
    dict(
        rope_type="yarn",
        factor=4.0,
        original_max_position_embeddings=4,
        mscale=0.7,
        mscale_all_dim=1.2,
        truncate=False,
    ),
)
scaled(
    "llama3",
    dict(
        rope_type="llama3",
        factor=4.0,
        low_freq_factor=0.5,
        high_freq_factor=1.5,
        original_max_position_embeddings=8,
    ),
)
LONG = dict(rope_type="longrope", short_factor=[1.0, 1.1, 1.2, 1.4], long_factor=[1.5, 2.0, 3.0, 4.0])
scaled("longrope", dict(LONG, original_max_position_embeddings=4))
scaled("longrope-short", dict(LONG, original_max_position_embeddings=8))

PHI3 = dict(LLAMA, resid_pdrop=0.0, sliding_window=3)
add("phi3-lm", "Phi3Config", "Phi3ForCausalLM", "next", PHI3)
add(
    "phi3-partial",
    "Phi3Config",
    "Phi3ForCausalLM",
    "next",
    dict(
        {key: value for key, value in PHI3.items() if key != "rope_theta"},
        original_max_position_embeddings=4,
        rope_parameters=dict(
            rope_theta=10.0,
            partial_rotary_factor=0.75,
            rope_type="longrope",
            short_factor=[1.0, 1.1, 1.2],
            long_factor=[1.5, 2.0, 3.0],
        ),
    ),
    generate=False,
)
GEMMA = dict(LLAMA, head_dim=6)
add("gemma-lm", "GemmaConfig", "GemmaForCausalLM", "next", GEMMA)
GEMMA2 = dict(
    GEMMA,
    query_pre_attn_scalar=10,
    sliding_window=3,
    attn_logit_softcapping=2.0,
    final_logit_softcapping=3.0,
)
add("gemma2-lm", "Gemma2Config", "Gemma2ForCausalLM", "next", GEMMA2)
NEOX = dict(
    vocab_size=13,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=16,
    rotary_pct=0.5,
    **NO_SPECIAL,
)
# Files of transformers 5 still call the output layer as those of 4 do.
OUT = {"grad.lm_head.weight": "grad.embed_out.weight"}
add("gpt-neox-lm", "GPTNeoXConfig", "GPTNeoXForCausalLM", "next", NEOX, renamed=OUT)
add(
    "gpt-neox-serial",
    "GPTNeoXConfig",
    "GPTNeoXForCausalLM",
    "next",
    dict(NEOX, use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True),
    generate=False,
)
OPT = dict(
    vocab_size=13,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    ffn_dim=12,
    max_position_embeddings=16,
    dropout=0.0,
    **NO_SPECIAL,
)
add("opt-lm", "OPTConfig", "OPTForCausalLM", "next", OPT)
add(
    "opt-350m",
    "OPTConfig",
    "OPTForCausalLM",
    "next",
    dict(OPT, do_layer_norm_before=False, word_embed_proj_dim=6),
    generate=False,
)
BART = dict(
    vocab_size=13,
    d_model=8,
    encoder_layers=1,
    decoder_layers=2,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=12,
    decoder_ffn_dim=10,
    dropout=0.0,
    max_position_embeddings=16,
    scale_embedding=True,
    pad_token_id=1,
    eos_token_id=2,
    bos_token_id=0,
    decoder_start_token_id=2,
    forced_eos_token_id=None,
)
add("bart-lm", "BartConfig", "BartForConditionalGeneration", "target", BART)
add("bart-qa", "BartConfig", "BartForQuestionAnswering", "span", dict(BART, scale_embedding=False))
add("bart-seqcls", "BartConfig", "BartForSequenceClassification", "text", dict(BART, num_labels=3), ends=2)
MARIAN = dict(BART, activation_function="swish", pad_token_id=12, decoder_start_token_id=12, eos_token_id=0)
add("marian-lm", "MarianConfig", "MarianMTModel", "target", MARIAN)
UNTIED = dict(tie_word_embeddings=False)
add("bart-untied-lm", "BartConfig", "BartForConditionalGeneration", "target", dict(BART, **UNTIED))
add("marian-untied-lm", "MarianConfig", "MarianMTModel", "target", dict(MARIAN, **UNTIED))
# Its generation makes a cache for as many layers as the encoder has.
ALONE = dict(encoder_layers=2)
add("bart-causal-lm", "BartConfig", "BartForCausalLM", "next", dict(BART, **ALONE))
add("marian-causal-lm", "MarianConfig", "MarianForCausalLM", "next", dict(MARIAN, **ALONE, **UNTIED))
SMALL = dict(SIZES, embedding_size=6, type_vocab_size=2)
ELECTRA = dict(SMALL, summary_last_dropout=0.0)
heads("electra", "ElectraConfig", "Electra", ELECTRA)
add("electra-detect", "ElectraConfig", "ElectraForPreTraining", "detect", ELECTRA)
ALBERT = dict(SMALL, classifier_dropout_prob=0.0, num_hidden_layers=3)
heads("albert", "AlbertConfig", "Albert", ALBERT)
add("albert-base", "AlbertConfig", "AlbertModel", "none", dict(ALBERT, num_hidden_groups=2, num_hidden_layers=4))
V1 = dict(
    SIZES,
    relative_attention=True,
    pos_att_type="c2p|p2c",
    position_biased_input=False,
    type_vocab_size=0,
    max_relative_positions=4,
)
heads("deberta-v1", "DebertaConfig", "Deberta", V1, ["seqcls", "tokcls", "qa", "mlm"])
add(
    "deberta-v1-p2c",
    "DebertaConfig",
    "DebertaForSequenceClassification",
    "text",
    dict(V1, num_labels=3, pos_att_type=["p2c"], position_biased_input=True, max_relative_positions=-1),
)
MODERN = dict(
    vocab_size=13,
    hidden_size=8,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=10,
    max_position_embeddings=16,
    local_attention=4,
    global_attn_every_n_layers=2,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    cls_token_id=1,
    sep_token_id=2,
)
heads("modernbert", "ModernBertConfig", "ModernBert", MODERN)
add(
    "modernbert-mean",
    "ModernBertConfig",
    "ModernBertForSequenceClassification",
    "text",
    dict(MODERN, num_labels=3, classifier_pooling="mean", norm_bias=True, classifier_bias=True),
)
for name, prefix, fields in [
    ("llama", "Llama", LLAMA),
    ("gemma2", "Gemma2", GEMMA2),
    ("gpt-neox", "GPTNeoX", NEOX),
    ("opt", "OPT", OPT),
]:
    model = f"{prefix}ForSequenceClassification"
    add(f"{name}-seqcls", f"{prefix}Config", model, "text", dict(fields, num_labels=3))
GPT2 = dict(vocab_size=13, n_embd=8, n_layer=1, n_head=2, n_positions=16, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
add("gpt2-seqcls", "GPT2Config", "GPT2ForSequenceClassification", "text", dict(GPT2, num_labels=3, **NO_SPECIAL))

# Output layers of their own, with biases that differ from those that have lost their use.
for name, config, model, kind, fields in [
    ("bert-mlm-untied", "BertConfig", "BertForMaskedLM", "words", dict(SIZES, type_vocab_size=2)),
    ("roberta-mlm-untied", "RobertaConfig", "RobertaForMaskedLM", "words", dict(SIZES, type_vocab_size=1)),
    (
        "distilbert-mlm-untied",
        "DistilBertConfig",
        "DistilBertForMaskedLM",
        "words",
        dict(vocab_size=13, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=16),
    ),
    ("albert-mlm-untied", "AlbertConfig", "AlbertForMaskedLM", "words", SMALL),
    ("electra-mlm-untied", "ElectraConfig", "ElectraForMaskedLM", "words", ELECTRA),
    ("deberta-v2-mlm-untied", "DebertaV2Config", "DebertaV2ForMaskedLM", "words", dict(V3, legacy=True)),
    ("gpt2-untied", "GPT2Config", "GPT2LMHeadModel", "next", dict(vocab_size=13, n_positions=16, n_embd=8, n_layer=2, n_head=2)),
    ("modernbert-untied", "ModernBertConfig", "ModernBertForMaskedLM", "words", MODERN),
    ("opt-untied", "OPTConfig", "OPTForCausalLM", "next", OPT),
]:
    add(name, config, model, kind, dict(fields, tie_word_embeddings=False))
