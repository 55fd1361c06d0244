# Sourced by the other scripts: the project's root, the tools that Scripts/setup has installed, and shared functions.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$ROOT/.build-tools
export PATH="$TOOLS/venv/bin:$TOOLS/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1

# Logs progress to standard error; standard output is the script's result.
info() { printf '==> %s\n' "$*" >&2; }

# Exits with an error message.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Builds; without a terminal, prints the count of steps now and then instead of every step.
build() {
    if [ -t 1 ]; then
        swift build "$@"
    else
        swift build "$@" 2>&1 | "$ROOT/Scripts/progress"
    fi
}
