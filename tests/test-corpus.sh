#!/bin/sh
# Each fuzz target takes all inputs of its corpus, those that once crashed it among them.
source=${srcdir:-.}
module=${KCRYPTOKI_MODULE:?the path of kcryptoki.so}
programs=${module%/.libs/*}/tests/fuzz
fails=0
number=0
said=$(mktemp)

for corpus in "$source"/tests/fuzz/corpus/*; do
    target=${corpus##*/}
    number=$((number + 1))
    seen=$("$programs/$target" "$corpus" 2>"$said") && [ "$seen" -gt 0 ] &&
        echo "ok $number - $target takes $seen inputs" || {
        tail -n 20 "$said" | sed 's/^/# /'
        echo "not ok $number - $target takes all inputs"
        fails=1
    }
done
rm -f "$said"
echo "1..$number"
exit "$fails"
