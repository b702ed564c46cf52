"""The records of a study: what is trained, on what, and what it is tested on; ``study_file`` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.study_training import Budget, Configuration, EqualArms, ImageSettings, Prediction, Split, Templates


@dataclass(frozen=True)
class DatasetUse:
    """A source dataset in this study.

    ``converter`` is the dataset file that reads it (default: ``name``), ``folder`` its place below the data
    folder (default ``name``; ``.`` is the data folder itself), ``id`` its nnU-Net id (default: the file's own),
    ``training_reader`` whose annotation is trained on (default: the first), ``options`` go to ``list_cases``,
    ``exclude`` maps a case to the reason it is left out. ``derive`` lists variants made from others: ``name``,
    ``variant`` (a file of ``dataset_converters/variants``), ``of``, and its options. ``collection`` is the collection
    whose known overlaps count (default: the converter, unless that reads any data). ``same_patients_as`` names
    datasets in which a name is the same person as here: they share a fold. ``no_patients_of`` names datasets of which
    no patient is left here.
    """

    name: str
    label: str = ""
    converter: str = ""
    folder: str = ""
    id: int = 0
    training_reader: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    derive: tuple[Mapping[str, Any], ...] = ()
    collection: str = ""
    same_patients_as: tuple[str, ...] = ()
    no_patients_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arm:
    """What a model is trained on: datasets (default all) and variants.

    ``recipe`` is the table row it belongs to when arms of several datasets share one (default ``name``).
    ``patients_like`` names arms: this arm then takes as many patients in all as the smallest of them has, an
    equal share from each variant. ``class_weights`` fixes the loss weight of a structure instead of measuring
    its inverse frequency on the training slices. ``trainers`` names those that train this arm (default all).
    """

    name: str
    variants: tuple[str, ...]
    label: str = ""
    recipe: str = ""
    datasets: tuple[str, ...] = ()
    patients_like: tuple[str, ...] = ()
    class_weights: Mapping[str, float] = field(default_factory=dict)
    trainers: tuple[str, ...] = ()
    templates: Templates = field(default_factory=Templates)


@dataclass(frozen=True)
class TemplateArm(Arm):
    """An arm on the images of another, warped to one of its templates; made by ``template_arms``, never written."""

    ensemble: str = ""
    number: int = 0


@dataclass(frozen=True)
class TestSet:
    """What a model is scored on: datasets (default all), variants, readers (default all).

    ``arms`` names the arms that are scored on it (default: those that train on one of its datasets); naming
    others gives the cross-dataset matrix. ``slices`` chooses the scored slices: ``reader`` those each reader
    annotated, ``all`` or ``lung`` (which the reference shows lung on); it must be one of ``[scoring] slices``.
    ``group`` is the spanning header above it in wide tables (Hofmanninger 2020: Public, Routine, Mixed).
    ``annotated`` false: cases without any reader are welcome; what a prediction shows by itself (volume, extent) is
    then measured, and nothing compared.
    """

    __test__ = False  # not a pytest class

    name: str
    variants: tuple[str, ...]
    label: str = ""
    datasets: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    slices: Literal["reader", "all", "lung"] = "reader"
    group: str = ""
    annotated: bool = True


@dataclass(frozen=True)
class TrainerUse:
    """A trainer class by name, in 2D or 3D; in 3D ``name`` becomes ``<class>_3d_fullres`` when it is read."""

    name: str
    label: str = ""
    configuration: Configuration = "2d"


@dataclass(frozen=True)
class Baseline:
    """A competitor without training.

    ``centred_ellipsoid`` is fitted to the training masks. ``hu_range`` marks as disease what lies in ``hu_range`` (both
    ends included) within the lung, on images of a soft kernel only; ``-700 to -200`` HU is that of Salaffi 2016, high
    attenuation areas are ``-600 to -250``, low ones ``-1024 to -951``. Its lung is that of ``lung_from``: an arm's
    prediction, by ``lung_trainer`` (may be left out if there is one) on the first of ``lung_variants`` that the case
    has (default: the variant itself), or ``reference``, the first reader who annotated every slice.
    """

    name: str
    kind: Literal["centred_ellipsoid", "hu_range"]
    label: str = ""
    hu_range: tuple[float, float] = (-700.0, -200.0)
    lung_from: str = ""
    lung_trainer: str = ""
    lung_variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scoring:
    """What is scored, beyond every trained structure against every reader.

    Attributes
    ----------
    metrics : tuple of str
        Names of metrics (files in ``analysis/metrics``).
    unions : mapping
        Scored structure to the trained structures it is made of, as one mask: ``lung = ["right_lung", "left_lung"]``.
    averages : mapping
        Structure to those whose values are averaged in tables: ``lungs = ["right_lung", "left_lung"]`` gives the
        mean of right and left (Hofmanninger 2020, section II-D). No score rows of its own.
    references : mapping
        Structure that is only in references, to labels of the datasets: ``tumour = ["tumour"]``.
    lung, disease, tumour : str
        Which structure or union plays this part in disease extent, tumour overlap, false positives outside the lung
        and the choice of lung slices; empty: none.
    slices : tuple of str
        What test sets may ask for; each image is scored on what its test sets do. ``reader``: the slices each reader
        annotated; ``lung``: those of them that the reference shows lung on; ``all``: all, if the reader did.
    dimensions : tuple of str
        ``3d``: all scored slices together; ``2d``: slice by slice, then the mean over slices. Surface distances on
        slices that are not neighbours are always 2d.
    consensus : tuple of str
        Further references made from all readers of a case: ``majority``, ``staple``.
    reader_pairs : bool
        Whether readers are scored against each other, and repeats against the first reading.
    own_variant : str
        Variant whose prediction by the same model is a further reference (Lee 2023: the 80 keV image); empty: none.
    nsd_tolerance_mm : float
        Tolerance of the normalised surface distance.
    backend : str
        What computes surface distances: ``ctshift`` or ``surface-distance`` (same numbers, slower).
    """

    metrics: tuple[str, ...] = ("DSC", "HD95", "MSD", "NSD", "volume", "reference_volume", "relative_volume_difference")
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    averages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lung: str = ""
    disease: str = ""
    tumour: str = ""
    slices: tuple[Literal["reader", "all", "lung"], ...] = ("reader",)
    dimensions: tuple[Literal["3d", "2d"], ...] = ("3d",)
    consensus: tuple[Literal["majority", "staple"], ...] = ()
    reader_pairs: bool = True
    own_variant: str = ""
    nsd_tolerance_mm: float = 1.0
    backend: Literal["ctshift", "surface-distance"] = "ctshift"

    def made_readers(self) -> tuple[str, ...]:
        """Return the references nobody drew: each consensus, and a model's own prediction (``own-MK``)."""
        return (*self.consensus, *((f"own-{self.own_variant}",) if self.own_variant else ()))


@dataclass(frozen=True)
class Pool:
    """Several test sets as one column, mean over all their cases (Hofmanninger 2020, ``All(L)`` and ``All``)."""

    name: str
    test_sets: tuple[str, ...]
    label: str = ""
    note: str = ""


@dataclass(frozen=True)
class Cohort:
    """A column of patients: the patients of some datasets with a role of the source (empty: any).

    ``variant`` is that of the images on which trained models measure this cohort, where it has another kernel than the
    rest (the external patients of Chassagnon 2020); empty: the variant that the cohorts have in common.
    """

    name: str
    datasets: tuple[str, ...]
    label: str = ""
    role: Literal["train", "test", ""] = ""
    variant: str = ""


@dataclass(frozen=True)
class Characteristic:
    """A row of patient characteristics: a covariate of the cases.

    ``kind`` ``quantity`` prints median [quartiles] and is tested with Kruskal-Wallis or Mann-Whitney; ``count``
    prints how many patients have one of ``values`` and is tested with Fisher's exact test.
    """

    covariate: str
    label: str = ""
    kind: Literal["quantity", "count"] = "quantity"
    values: tuple[str, ...] = ()
    heading: str = ""


@dataclass(frozen=True)
class CohortTables:
    """Chassagnon 2020, Tables 1 and 3, Figure 5.

    ``cohorts`` are compared with each other; ``external`` with the cohort ``external_against``. ``lung_function``
    names the covariates correlated with the predicted disease extent. ``fvc`` is the covariate that holds the forced
    vital capacity in per cent of predicted, for staging; empty: staging by the extent alone.
    """

    cohorts: tuple[Cohort, ...] = ()
    external: tuple[Cohort, ...] = ()
    external_against: str = ""
    characteristics: tuple[Characteristic, ...] = ()
    lung_function: tuple[Characteristic, ...] = ()
    fvc: str = ""


@dataclass(frozen=True)
class Protocol:
    """A row of Lee 2023, Tables 2-4: the variant as reconstructed and its standardised image."""

    name: str
    original: str
    standardised: str
    label: str = ""


@dataclass(frozen=True)
class StandardisationTables:
    """Lee 2023: protocols compared with the prediction on ``[scoring] own_variant``, for one structure."""

    structure: str = ""
    protocols: tuple[Protocol, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One hypothesis test of Table 1: two arms on one test set, or one arm on two test sets."""

    arms: tuple[str, ...]
    test_sets: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """What the tables show.

    ``paired`` says whether a patient has every variant; ``comparisons`` form one Bonferroni family a dataset
    (``correction`` may say Holm instead). ``pools`` are further columns of the diversity tables, ``structures`` the
    structures, unions or averages that tables print (default: the trained ones and the averages), ``floor`` the value
    of a higher-is-better metric below which a case counts as a failure in tail statistics.
    """

    paired: bool = True
    note: str = ""
    comparisons: tuple[Comparison, ...] = ()
    correction: Literal["bonferroni", "holm"] = "bonferroni"
    structures: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()
    floor: float = 0.5
    cohorts: CohortTables = CohortTables()
    standardisation: StandardisationTables = StandardisationTables()


@dataclass(frozen=True)
class Study:
    """One study, whole. Names in it refer to each other and were checked on reading."""

    name: str
    title: str
    dataset_id: int
    structures: Mapping[str, tuple[str, ...]]
    datasets: tuple[DatasetUse, ...]
    arms: tuple[Arm, ...]
    trainers: tuple[TrainerUse, ...]
    test_sets: tuple[TestSet, ...]
    budgets: Mapping[str, Budget]
    split: Split
    paper: str = ""
    seeds: tuple[int, ...] = (0,)
    equal_arms: EqualArms = field(default_factory=EqualArms)
    image: ImageSettings = field(default_factory=ImageSettings)
    prediction: Prediction = field(default_factory=Prediction)
    scoring: Scoring = Scoring()
    baselines: tuple[Baseline, ...] = ()
    tables: Tables = Tables()

    def trainers_of(self, arm: Arm) -> tuple[TrainerUse, ...]:
        """Return the trainers of an arm, in the study's order."""
        return tuple(entry for entry in self.trainers if not arm.trainers or entry.name in arm.trainers)

    def trained_arms(self) -> tuple[Arm, ...]:
        """Return the arms that networks are trained on; an arm with templates is a vote of others instead."""
        return tuple(arm for arm in self.arms if not arm.templates.number)

    def members_of(self, arm: Arm) -> tuple[TemplateArm, ...]:
        """Return the arms on an arm's templates, of which it is the vote; none for an arm without."""
        return tuple(entry for entry in self.arms if isinstance(entry, TemplateArm) and entry.ensemble == arm.name)

    def rows_on(self, test_set: TestSet, dataset: str) -> dict[str, str]:
        """Return the arms and baselines scored on a dataset of a test set, each with its table row (recipe)."""
        if dataset not in test_set.datasets:
            return {}
        named = test_set.arms
        arms = {arm.name: arm.recipe for arm in self.arms if (arm.name in named if named else dataset in arm.datasets)}
        return arms | {entry.name: entry.name for entry in self.baselines if not named or entry.name in named}
