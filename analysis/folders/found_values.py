"""Which values occur in the label maps of two folders, and what is wrong with that."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from analysis.folders.folder_labels import FolderLabels


@dataclass(frozen=True)
class FoundValues:
    """Value to the number of readable label maps it occurs in, background included."""

    references: Mapping[int, int] = field(default_factory=dict)
    predictions: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of_case(cls, reference: Iterable[int], prediction: Iterable[int]) -> "FoundValues":
        """Return the values of one case."""
        return cls(Counter(reference), Counter(prediction))

    @classmethod
    def of_all(cls, cases: Iterable["FoundValues"]) -> "FoundValues":
        """Return the values of all cases."""
        references: Counter[int] = Counter()
        predictions: Counter[int] = Counter()
        for case in cases:
            references.update(case.references)
            predictions.update(case.predictions)
        return cls(references, predictions)

    def warnings(self, labels: FolderLabels) -> list[str]:
        """Return a line on predicted values that chosen labels leave out, and one on named values that occur nowhere.

        Predictions with other values are failed cases where the labels were not chosen by hand, so no line says so.
        """
        unnamed = {value: files for value, files in sorted(self.predictions.items()) if value not in labels.values}
        lines = []
        if unnamed and labels.chosen:
            words = ", ".join(f"{value} ({files} files)" for value, files in unnamed.items())
            lines.append(f"predictions hold values that --labels does not name, not scored: {words}")
        occurring = self.references.keys() | self.predictions.keys()
        absent = [
            f"{name} = {value}"
            for name, values in labels.structures.items()
            for value in values
            if value not in occurring
        ]
        if absent:
            lines.append(f"labels in no reference and no prediction: {', '.join(absent)}; check the values")
        return lines
