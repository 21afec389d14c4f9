# Counts what held for the shell clients; the first thing that does not hold ends the script. Sourced, not run.
set -u
PASSED=0

same() { # WHAT GOT EXPECTED
  if [ "$2" != "$3" ]; then
    printf 'WRONG %s: expected <%s>, got <%s>\n%s passed, 1 failed\n' "$1" "$3" "$2" "$PASSED"
    exit 1
  fi
  PASSED=$((PASSED + 1))
}

holds() { # WHAT TEXT PATTERN: the text matches the extended regular expression
  if ! grep -qE -- "$3" <<<"$2"; then
    printf 'WRONG %s: no match for <%s> in <%s>\n%s passed, 1 failed\n' "$1" "$3" "$2" "$PASSED"
    exit 1
  fi
  PASSED=$((PASSED + 1))
}

finish() { printf '%s passed, 0 failed\n' "$PASSED"; }
