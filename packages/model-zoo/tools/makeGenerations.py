"""What transformers generates with small models of the fixtures, and what its processors make of scores.

    python makeGenerations.py FIXTURES

reads FIXTURES/models/NAME, and writes FIXTURES/generations/NAME.json and FIXTURES/generations/processors.json. Computed in
float64 from the stored weights.
"""
import json
import pathlib
import sys

import torch
import transformers
from transformers.generation import logits_process as processes

transformers.utils.logging.set_verbosity_error()

plain = {"max_new_tokens": 8, "eos_token_id": None}
ended = {"max_new_tokens": 8, "pad_token_id": 1}
beams = {"num_beams": 3}
cases = [
    plain | {"repetition_penalty": 1.8},
    plain | {"no_repeat_ngram_size": 2},
    plain | {"bad_words_ids": [[5], [6, 7]], "suppress_tokens": [9]},
    ended | {"eos_token_id": [6, 9, 11]},
    ended | {"eos_token_id": [6, 9, 11], "min_new_tokens": 5},
    plain | {"forced_eos_token_id": 3},
    plain | beams,
    ended | beams | {"eos_token_id": [6, 9], "length_penalty": 1.0},
    ended | beams | {"eos_token_id": [6, 9], "length_penalty": 2.0, "early_stopping": True},
    ended | beams | {"eos_token_id": 6, "length_penalty": -1.0},
    ended | beams | {"eos_token_id": 6, "length_penalty": 0.6, "early_stopping": "never"},
    ended | {"num_beams": 4, "num_return_sequences": 2, "eos_token_id": 6, "no_repeat_ngram_size": 2},
    ended | beams | {"eos_token_id": 6, "repetition_penalty": 1.5},
]
models = ["opt-lm", "gpt-neox-lm", "gemma2-lm", "bart-lm", "marian-lm", "t5-v1.1"]


def generations(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    is_gemma = "gemma" in folder.name
    is_pair = config.is_encoder_decoder
    kind = transformers.AutoModelForSeq2SeqLM if is_pair else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder, attn_implementation="eager" if is_gemma else "sdpa").double().eval()
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=getattr(config, "decoder_start_token_id", None)
    )
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(4, config.vocab_size, (2, 6), generator=generator)
    mask = torch.ones_like(ids)
    # Of a decoder on the left, of an encoder on the right.
    place = slice(4, 6) if is_pair else slice(0, 2)
    # A row that sees nothing is not a number to eager attention in float64, which Gemma 2 needs.
    if not is_gemma:
        ids[1, place], mask[1, place] = config.pad_token_id or 0, 0
    found = []
    for options in cases:
        result = model.generate(
            input_ids=ids, attention_mask=mask, do_sample=False, return_dict_in_generate=True, output_scores=True, **options
        )
        scores = getattr(result, "sequences_scores", None)
        found.append(
            {
                "options": options,
                "sequences": result.sequences.tolist(),
                # Not a number where all is banned.
                **({} if scores is None else {"scores": [None if x != x else x for x in scores.tolist()]}),
            }
        )
    return {"input_ids": ids.tolist(), "attention_mask": mask.tolist(), "cases": found}


def processors():
    generator = torch.Generator().manual_seed(3)
    scores = 3 * torch.randn((1, 12), generator=generator, dtype=torch.float64)
    tokens = torch.tensor([[3, 4, 7, 3, 4]])
    steps = {
        "temperature": processes.TemperatureLogitsWarper(0.7),
        "top_k": processes.TopKLogitsWarper(4),
        "top_p": processes.TopPLogitsWarper(0.8),
        "min_p": processes.MinPLogitsWarper(0.1),
        "typical_p": processes.TypicalLogitsWarper(0.6),
        "repetition_penalty": processes.RepetitionPenaltyLogitsProcessor(1.7),
        "no_repeat_ngram_size": processes.NoRepeatNGramLogitsProcessor(3),
    }
    results = {name: step(tokens, scores.clone())[0].tolist() for name, step in steps.items()}
    banned = {name: [None if x == -float("inf") else x for x in row] for name, row in results.items()}
    return {"tokens": tokens[0].tolist(), "scores": scores[0].tolist(), "results": banned}


def main():
    root = pathlib.Path(sys.argv[1])
    out = root / "generations"
    out.mkdir(exist_ok=True)
    for name in models:
        (out / f"{name}.json").write_text(json.dumps(generations(root / "models" / name)) + "\n")
    (out / "processors.json").write_text(json.dumps(processors()) + "\n")


main()
