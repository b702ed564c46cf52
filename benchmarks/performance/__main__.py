"""Measure against peers: ``python -m benchmarks.performance scoring|convert|...``, listed below."""

import importlib
import sys

COMMANDS = {
    "scoring": ("benchmarks.performance.scoring", "surface distances against other libraries: time, memory, values"),
    "coverage": ("benchmarks.performance.coverage", "how often confidence intervals cover, by simulation"),
    "r-oracle": ("benchmarks.performance.r_oracle", "statistics against R on random data sets"),
    "predict": ("benchmarks.performance.predict", "2D prediction against nnUNetv2_predict: CPU time, equal voxels"),
    "training-step": ("benchmarks.performance.training_step", "what our trainers add to a training step of nnU-Net"),
    "convert": ("benchmarks.performance.convert", "DICOM to NIfTI against dcm2niix: CPU time, equal files"),
    "emulation": ("benchmarks.performance.emulation", "emulated kernels against real ones, projections, the clock"),
    "kernel-augmentation": (
        "benchmarks.performance.kernel_augmentation",
        "kernels emulated in the loader: slices per second, workers",
    ),
    "scale": ("benchmarks.performance.scale", "10,000 trainings on 1,000 GPUs: job graph, schedule, files, scores"),
    "preprocessing": ("benchmarks.performance.preprocessing", "arms of one study against one nnU-Net dataset per arm"),
    "chaos": ("benchmarks.performance.chaos", "kill -9, damaged files, full disks, jumping clocks: the same scores"),
    "register": ("benchmarks.performance.register", "registration to a template: time, overlap, folds, inverse"),
    "fuzz": ("benchmarks.performance.fuzz", "damaged files through the readers, in processes that can be killed"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one measurement; what follows its name is its own command line."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in COMMANDS:
        code: int = importlib.import_module(COMMANDS[words[0]][0]).main(words[1:])
        return code
    asked_for_help = words[:1] in (["-h"], ["--help"])
    lines = [__doc__ or "", "", *(f"  {name:<20} {text}" for name, (_, text) in COMMANDS.items())]
    if words and not asked_for_help:
        lines.insert(0, f"{words[0]!r} not found; the choices are: {', '.join(COMMANDS)}\n")
    print("\n".join(lines), file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


if __name__ == "__main__":
    sys.exit(main())
