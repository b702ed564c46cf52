"""``python -m trainers``: print the setting that lets nnU-Net find our trainers, and list them."""

import shlex

from trainers.registry import EXTENSION_FOLDER, list_trainers


def main() -> None:
    """Print an ``export`` line for the shell, then every trainer as a comment."""
    print(f"export nnUNet_extTrainer={shlex.quote(str(EXTENSION_FOLDER))}")
    trainers = list_trainers()
    width = max(map(len, trainers), default=0)
    for name, summary in trainers.items():
        print(f"# {name:<{width}}  {summary}")


if __name__ == "__main__":
    main()
