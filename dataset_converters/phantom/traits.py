"""What makes one simulated patient differ from the next: size, disease, dose, lung function, age and sex."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

INTERSTITIAL = ("ground_glass", "reticulation", "consolidation", "honeycombing")
DISEASES = (*INTERSTITIAL, "effusion", "tumour")

# Share of the diseased lung each pattern takes, by type of disease.
_MIXTURES: tuple[Mapping[str, float], ...] = (
    {"ground_glass": 0.50, "reticulation": 0.45, "consolidation": 0.05},  # non-specific interstitial pneumonia
    {"ground_glass": 0.10, "reticulation": 0.55, "honeycombing": 0.35},  # usual interstitial pneumonia
    {"ground_glass": 0.65, "reticulation": 0.05, "consolidation": 0.30},  # organising or viral pneumonia
)


@dataclass(frozen=True)
class Traits:
    """Everything drawn once per patient.

    Attributes
    ----------
    seed, number : int
        Seed of the cohort and number of the patient in it (from 1): together they seed everything else.
    width, depth, height : float
        Size of the chest relative to the standard one.
    extent : float
        Share of the lung that is interstitial disease, 0..1.
    mixture : mapping
        Share of each interstitial pattern within the disease; sums to 1.
    subpleural, basal, dorsal : float
        How strongly the disease prefers the pleura, the bases and the back.
    effusion_depth : float
        Depth of the pleural effusion relative to the lung, 0 without; ``effusion_side`` -1 right, 1 left.
    tumour_radius_mm : float
        0 without.
    lung_hu, ground_glass_hu, consolidation_hu, noise_hu : float
        Mean HU of the tissues; standard deviation of the noise in soft tissue with the mediastinal kernel.
    fvc, dlco, tlc : float
        Lung function in per cent of predicted.
    age_years : float
        Age in whole years.
    sex : str
        ``female`` or ``male``.
    diffuse : bool
        Whether the skin disease of the simulated systemic sclerosis is diffuse.
    """

    seed: int
    number: int
    width: float
    depth: float
    height: float
    extent: float
    mixture: Mapping[str, float]
    subpleural: float
    basal: float
    dorsal: float
    effusion_depth: float
    effusion_side: int
    tumour_radius_mm: float
    lung_hu: float
    ground_glass_hu: float
    consolidation_hu: float
    noise_hu: float
    fvc: float
    dlco: float
    tlc: float
    age_years: float
    sex: str
    diffuse: bool

    def rng(self, purpose: int) -> np.random.Generator:
        """Generator of one purpose, independent of all others and of the size of the cohort."""
        return np.random.default_rng([self.seed, self.number, purpose])


def draw_traits(seed: int, number: int, diseases: Sequence[str] = DISEASES) -> Traits:
    """Traits of patient ``number`` of the cohort ``seed``, with only the named ``diseases``.

    Extent is 3 to 42 % of the lung, its root uniform (0 if no interstitial pattern is named). Noise is that of the
    paired clinical slices the kernels were fitted to (B30f 17-26 HU). Lung function
    falls with extent; slopes and scatter are chosen so that Spearman's rho over a cohort is near -0.7. Age and sex are
    spread as in Chassagnon 2020, Table 1 (median 58 years, four of five patients women, half with diffuse skin
    disease), and have no influence on the images.
    """
    age_years, sex, diffuse = _draw_person(seed, number)
    rng = np.random.default_rng([seed, number, 0])
    width, depth, height = rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.12), rng.uniform(0.9, 1.1)
    mixture = _draw_mixture(rng, diseases)
    extent = float(rng.uniform(np.sqrt(0.03), np.sqrt(0.42)) ** 2) if mixture else 0.0
    has_effusion, has_tumour = rng.random() < 0.25, rng.random() < 0.2
    scatter = rng.standard_normal(3)
    return Traits(
        seed=seed,
        number=number,
        width=width,
        depth=depth,
        height=height,
        extent=extent,
        mixture=mixture,
        subpleural=rng.uniform(0.7, 1.6),
        basal=rng.uniform(0.5, 1.5),
        dorsal=rng.uniform(0.0, 0.8),
        effusion_depth=rng.uniform(0.2, 0.5) * (has_effusion and "effusion" in diseases),
        effusion_side=int(rng.choice([-1, 1])),
        tumour_radius_mm=rng.uniform(9.0, 20.0) * (has_tumour and "tumour" in diseases),
        lung_hu=rng.uniform(-875.0, -835.0),
        ground_glass_hu=rng.uniform(-640.0, -520.0),
        consolidation_hu=rng.uniform(5.0, 35.0),
        noise_hu=rng.uniform(17.0, 26.0),
        fvc=float(np.clip(98.0 - 105.0 * extent + 12.0 * scatter[0], 25.0, 140.0)),
        dlco=float(np.clip(82.0 - 125.0 * extent + 14.0 * scatter[1], 12.0, 140.0)),
        tlc=float(np.clip(97.0 - 90.0 * extent + 11.0 * scatter[2], 30.0, 140.0)),
        age_years=age_years,
        sex=sex,
        diffuse=diffuse,
    )


def _draw_person(seed: int, number: int) -> tuple[float, str, bool]:
    """Return age, sex and diffuse skin disease, from a generator of their own: images stay what they were."""
    rng = np.random.default_rng([seed, number, 7])
    age_years = float(np.clip(np.rint(rng.normal(57.5, 13.0)), 20.0, 90.0))
    return age_years, "female" if rng.random() < 0.8 else "male", bool(rng.random() < 0.5)


def _draw_mixture(rng: np.random.Generator, diseases: Sequence[str]) -> dict[str, float]:
    typical = _MIXTURES[rng.integers(len(_MIXTURES))]
    shares = {name: typical.get(name, 0.02) * rng.uniform(0.5, 1.5) for name in INTERSTITIAL}
    allowed = {name: share for name, share in shares.items() if name in diseases and share >= 0.03}
    if not allowed:
        allowed = {name: share for name, share in shares.items() if name in diseases}
    return {name: share / sum(allowed.values()) for name, share in allowed.items()}
