"""From digits on the telephone to volunteers' commands, without labels: `speechtl study english/to_commands`.

Four shared words; both corpora up to 3.4 kHz and trimmed alike. `unadapted` is source only, `control` hears
the same batches as the methods and learns nothing of their unlabelled half, `target` has its labels. All rows
train as many steps on as many labelled seconds at a time, and keep their last weights. Pseudo-labels begin
with the base model, so they have had twice the steps; their own control is the row whose threshold nothing
passes. Settings were chosen without labels, by `english/to_commands_tuning`, on each half for itself.
"""

from recipes.english._shift import METHODS, WITHOUT_LABELS, rows, shift

study = shift(
    "english-to-commands",
    "digits",
    rows("unadapted", "control", *METHODS, "target"),
    chosen=WITHOUT_LABELS["digits"],
)
