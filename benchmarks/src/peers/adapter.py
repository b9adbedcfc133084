"""A PEFT adapter from the content of an `adapter_config.json`."""

import peft


def config_of(fields):
    """The config, to be trained; modules of the kinds that the benchmark has."""
    known = {key: value for key, value in fields.items() if value is not None and key != "auto_mapping"}
    return peft.PeftConfig.from_peft_type(**{**known, "inference_mode": False})
