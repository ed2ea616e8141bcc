#!/bin/sh
# Includes point down only: api -> token -> {mech, key} -> kernel (doc/ARCHITECTURE.md).
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
    esac
}

echo 1..6
number=0
for floor in api token mech key kernel; do
    number=$((number + 1))
    pattern=$(allowed "$floor" | tr ' ' '|')
    wrong=$(grep -nE '^#include "[a-z]+/' "$source/module/$floor"/*.[ch] |
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
    echo "ok 6 - the kernel floor knows no PKCS#11"
else
    echo "not ok 6 - the kernel floor knows no PKCS#11"
    echo "$wrong" | sed 's/^/# /'
    fails=1
fi
exit "$fails"
