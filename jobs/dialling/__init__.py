"""From a due job to a call that goes on: rules, claim, placing, following."""
