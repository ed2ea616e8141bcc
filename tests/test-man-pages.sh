#!/bin/sh
# The manual pages are clean, and say all that the module reads, and nothing that it does not: the
# words of the configurations, of a key's description, and of the environment.
source=${srcdir:-.}
module=${KCRYPTOKI_MODULE:?the path of kcryptoki.so}
built=${module%/.libs/*}
token=$source/module/token
broker=$source/broker
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
fails=0

# report NAME, by the status of the command before
report()
{
    if [ "$?" -eq 0 ]; then
        echo "ok $((number += 1)) - $1"
    else
        echo "not ok $((number += 1)) - $1"
        fails=1
    fi
}

# clean NAME PROGRAM COMMAND...: the command, of PROGRAM, complains of nothing
clean()
{
    name=$1
    program=$2
    shift 2
    if ! command -v "$program" >/dev/null; then
        echo "ok $((number += 1)) - $name # SKIP $program is not installed"
        return
    fi
    # Which other pages this machine has says nothing about ours.
    "$@" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db' >"$work/complaints"
    sed 's/^/# /' "$work/complaints"
    [ ! -s "$work/complaints" ]
    report "$name"
}

# same NAME WHAT WHAT: the files "expected" and "found" have the same lines
same()
{
    sort -u "$work/expected" >"$work/module"
    sort -u "$work/found" >"$work/page"
    [ -s "$work/module" ] && diff "$work/module" "$work/page" >"$work/diff"
    report "$1"
    sed -n "s/^< /# only $2: /p; s/^> /# only $3: /p" "$work/diff"
}

# words FILE BEGINNING [BEFORE]: the words in quotes of a table or function whose first line has
# BEGINNING in it; behind BEFORE, each on a line. A FILE without a folder is of the token's.
words()
{
    case $1 in
    */*) file=$1 ;;
    *) file=$token/$1 ;;
    esac
    awk -v beginning="$2" -v before="$3" '
        index($0, beginning) { inside = 1 }
        /^}/ && !index($0, beginning) { inside = 0 }
        inside {
            line = $0
            while (match(line, /"[^"]*"/)) {
                word = substr(line, RSTART + 1, RLENGTH - 2)
                if (word ~ /^[a-z0-9*-]+$/)
                    print before word
                line = substr(line, RSTART + RLENGTH)
            }
        }
        # A table of one line.
        /};$/ { inside = 0 }' "$file"
}

# said PAGE: "SECTION ENTRY", and "SECTION ENTRY WORD" for each word that an entry's text names
said()
{
    awk '
        $1 == ".Sh" { section = tolower($2); entry = "" }
        $1 == ".Ss" { entry = "" }
        $1 == ".It" && $2 == "Ic" {
            entry = $3
            for (i = 2; i < NF; i++)
                if ($i == "Ic")
                    print section, $(i + 1)
        }
        $1 == ".Cm" || ($1 == ".It" && $2 == "Cm") {
            print section, entry, $1 == ".Cm" ? $2 : $3
        }' "$1"
}

# read_by_module: the same of what the code understands
read_by_module()
{
    words config.c 'void entry(' 'mechanisms '
    words config.c 'families[] = {' 'mechanisms legacy '
    words config.c 'read_gcm(struct' 'mechanisms gcm '
    words config.c 'token_entries[] = {' 'tokens '
    words place.c 'words[] = {' 'tokens keyring '
    words config.c 'set_master(struct' 'tokens master '
    words config.c 'set_create(struct' 'tokens create '
    words mapping.c '} entries[] = {' 'keys '
    words mapping.c '} types[] = {' 'keys type '
    words vocabulary.c 'key_types[] = {' 'keys key-type '
    words vocabulary.c 'usage_words[] = {' 'keys usage '
    words mapping.c 'set_trusted(struct' 'keys trusted '
}

# read_by_broker: the same of what kcryptokid reads beside that, which its page says by reference
read_by_broker()
{
    words "$broker/rules.c" 'void take_entry(' 'broker '
    words "$broker/rules.c" 'peers[] = {' 'allow '
    words "$broker/rules.c" 'of_keys[] = {' 'allow '
}

# shown EXAMPLE: "SECTION ENTRY" for each that it has, commented out or not
shown()
{
    awk '
        match($0, /^#?\[[a-z]+/) {
            section = substr($0, RSTART, RLENGTH)
            gsub(/[#[]/, "", section)
        }
        match($0, /^#?[a-z-]+ = /) {
            entry = substr($0, RSTART, RLENGTH - 3)
            sub(/^#/, "", entry)
            print section, entry
        }' "$1"
}

# is_right FILE: kcryptokid finds no mistake in it; but for units, which not every kernel tells
is_right()
{
    sed 's/^unit = .*/uid = 0/' "$1" >"$work/conf"
    "$built/kcryptokid" -t -c "$work/conf" >"$work/said" 2>&1 || {
        sed 's/^/# /' "$work/said"
        false
    }
}

# The tool, and so its page, is made where jansson is.
tool=
[ ! -e "$built/doc/kcryptoki.1" ] || tool=kcryptoki.1
for page in kcryptoki.7 kcryptoki.conf.5 kcryptoki-key.8 kcryptokid.8 kcryptokid.conf.5 $tool; do
    # With folders that fit into a line, wherever this build is to be installed.
    sed 's|@sysconfdir@|/etc|; s|@docdir@|/usr/share/doc/kcryptoki|' \
        "$source/doc/$page.in" >"$work/$page"
    clean "mandoc finds $page clean" mandoc mandoc -T lint -W style "$work/$page"
    clean "groff finds $page clean" groff groff -ww -m mdoc -T utf8 -z "$work/$page"
    ! grep '@[a-z]*@' "$built/doc/$page"
    report "$page names the folders"
done

read_by_module >"$work/expected"
said "$source/doc/kcryptoki.conf.5.in" >"$work/found"
same "kcryptoki.conf(5) has what the module reads" "the module" "the page"

read_by_module | awk '{ sub(/s$/, "", $1); print $1, $2 }' | sed 's/^mechanism /mechanisms /' \
    >"$work/expected"
# The list of the three tokens that are there without a file is no example.
shown "$source/kcryptoki.conf" >"$work/found"
same "the example kcryptoki.conf has each entry" "the module" "the example"

read_by_broker >"$work/expected"
said "$source/doc/kcryptokid.conf.5.in" >"$work/found"
same "kcryptokid.conf(5) has what the broker reads" "the broker" "the page"

shown "$source/kcryptokid.conf" | grep -E '^(broker|allow) ' >"$work/found"
same "the example kcryptokid.conf has each entry" "the broker" "the example"

is_right "$source/kcryptokid.conf"
report "the example kcryptokid.conf is without a mistake"
sed 's/^#\([^ ]\)/\1/' "$source/kcryptokid.conf" >"$work/all"
is_right "$work/all"
report "it is without one where nothing in it is commented out"

{
    # p11-kit reads these; see read_uri().
    printf 'description %s\n' object id type
    words metadata.c 'ours[] = {' 'description '
    words vocabulary.c 'usage_words[] = {' 'description x-usage '
    words vocabulary.c 'flag_words[] = {' 'description x-flags '
} >"$work/expected"
said "$source/doc/kcryptoki.7.in" >"$work/found"
same "kcryptoki(7) has the attributes of descriptions" "the module" "the page"

grep -rhoE 'getenv\("[A-Z_]+"' "$source/module" | cut -d'"' -f2 >"$work/expected"
sed -n 's/^\.It Ev \([A-Z_]*\).*/\1/p' "$source/doc/kcryptoki.7.in" >"$work/found"
same "kcryptoki(7) has the environment" "the module" "the page"

grep -rhoE 'getenv\("[A-Z_]+"' "$broker" | cut -d'"' -f2 >"$work/expected"
sed -n 's/^\.It Ev //p' "$source/doc/kcryptokid.8.in" | tr -s ' ,' '\n' >"$work/found"
same "kcryptokid(8) has the environment" "the broker" "the page"

sed -n 's/.*getopt(argc, argv, "\([a-zA-Z:]*\)").*/\1/p' "$broker/kcryptokid.c" | tr -d : |
    fold -w 1 >"$work/expected"
sed -n 's/^\.It Fl \([a-zA-Z]\).*/\1/p' "$source/doc/kcryptokid.8.in" >"$work/found"
same "kcryptokid(8) has the options" "the broker" "the page"

if [ "$tool" ]; then
    tool=$built/kcryptoki
    # --help has a line for each verb, and the page another one.
    "$tool" --help | sed -n 's/.* kcryptoki \([a-z][a-z-]*\) .*/\1/p' >"$work/expected"
    awk '/^\.Sh/ { ours = $2 == "SYNOPSIS" } ours && $1 == ".Cm" && before == ".Nm" { print $2 }
        { before = $0 }' "$source/doc/kcryptoki.1.in" >"$work/found"
    same "kcryptoki(1) has the verbs" "the tool" "the page"

    while read -r verb; do
        "$tool" "$verb" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'
    done <"$work/module" >"$work/expected"
    sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$source/doc/kcryptoki.1.in" >"$work/found"
    same "kcryptoki(1) has the options" "the tool" "the page"
fi

echo "1..$number"
exit "$fails"
