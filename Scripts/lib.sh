# Sourced by the scripts beside it: where the project is, and the tools that Scripts/setup put there.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$ROOT/.build-tools
export PATH="$TOOLS/venv/bin:$TOOLS/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1

# Says what is happening, on standard error so that a script's output stays its own.
say() { printf '==> %s\n' "$*" >&2; }

# Ends the script with a reason.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Builds; where nobody watches, one line of progress in 200 is enough.
build() {
    if [ -t 1 ]; then
        swift build "$@"
    else
        swift build "$@" 2>&1 | awk '/^\[[0-9]+\/[0-9]+\]/ { if (++n % 200 != 1) next } { print; fflush() }'
    fi
}
