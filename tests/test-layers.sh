#!/bin/sh
# Includes point down only: api -> token -> {mech, key} -> kernel; broker and tool stand on token
# (doc/ARCHITECTURE.md).
source=${srcdir:-.}
fails=0

# allowed FLOOR: what its files may include besides their own
allowed()
{
    case $1 in
    api) echo 'api token mech key kernel' ;;
    token) echo 'token mech key kernel' ;;
    mech) echo 'mech kernel' ;;
    key) echo 'key kernel' ;;
    kernel) echo kernel ;;
    broker | tool) echo "$1 token mech key kernel" ;;
    esac
}

# folder FLOOR: where its files are
folder()
{
    case $1 in
    broker | tool) echo "$source/$1" ;;
    *) echo "$source/module/$1" ;;
    esac
}

echo 1..8
number=0
for floor in api token mech key kernel broker tool; do
    number=$((number + 1))
    pattern=$(allowed "$floor" | tr ' ' '|')
    wrong=$(grep -nE '^#include "[a-z]+/' "$(folder "$floor")"/*.[ch] |
            grep -vE "#include \"($pattern)/")
    if [ -z "$wrong" ]; then
        echo "ok $number - $floor includes only what is below it"
    else
        echo "not ok $number - $floor includes only what is below it"
        echo "$wrong" | sed 's/^/# /'
        fails=1
    fi
done

wrong=$(grep -nE '"pkcs11|(^|[^A-Z_])CK[A-Z]?_[A-Z]' "$source"/module/kernel/*.[ch])
if [ -z "$wrong" ]; then
    echo "ok 8 - the kernel floor knows no PKCS#11"
else
    echo "not ok 8 - the kernel floor knows no PKCS#11"
    echo "$wrong" | sed 's/^/# /'
    fails=1
fi
exit "$fails"
