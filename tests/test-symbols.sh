#!/bin/sh
# The module exports what loaders look for, and nothing that could clash with another module.
module=${KCRYPTOKI_MODULE:?the path of kcryptoki.so}
fails=0

# ok NUMBER NAME, by the status of the command before
report()
{
    if [ "$?" -eq 0 ]; then echo "ok $1 - $2"; else echo "not ok $1 - $2"; fails=1; fi
}

echo 1..4
expected='C_GetFunctionList
C_GetInterface
C_GetInterfaceList'
found=$(nm -D --defined-only "$module" | awk '{ print $3 }' | LC_ALL=C sort)
[ "$found" = "$expected" ]
report 1 "only the three entry points are exported"
[ "$fails" -eq 0 ] || echo "$found" | sed 's/^/# exported: /'

readelf -d "$module" | grep -q 'FLAGS_1.*NODELETE'
report 2 "the module stays mapped after dlclose"

! readelf -d "$module" | grep NEEDED | grep -qE 'crypto|ssl|nss|gnutls'
report 3 "no cryptographic library is linked"

# What it does not import it cannot do to a program that only loads it.
! nm -D --undefined-only "$module" | sed 's/@.*//; s/.* //' | grep -xE \
    -e 'pthread_create|clone|fork|exit|_exit|abort|atexit|on_exit' \
    -e '(sys_|bsd_)?signal|sigaction|sigprocmask|pthread_sigmask' \
    -e 'setlocale|setenv|putenv|chdir|umask' \
    -e '(__)?v?f?printf(_chk)?|puts|putchar|fputs|fwrite|perror|stdout|stderr|v?syslog'
report 4 "no threads, signal handlers, exit handlers or output"
exit "$fails"
