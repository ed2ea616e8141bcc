# shellcheck shell=bash
# What pkcs11-tool can do from OpenSC 0.26 and 0.27 on, beside what OpenSSL makes of $input with the
# keys' bytes; sourced. Keys: "aes" has the id 11, "mac" 12, "stream" 13, "cmac" 14.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
put_keys
put stream 32 13 chacha20
put cmac 32 14 aes
nonce=000102030405060708090a0b
aad=a0a1a2a3a4a5a6a7a8a9

# seals_as OPENSSL-NAME KEY-FILE AAD TAG-BYTES TOOL-ARGUMENT...: there, and back again
seals_as()
{
    tool --encrypt "${@:5}" --iv $nonce --aad "$3" -i "$input" -o cipher &&
        "$KCRYPTOKI_PROGRAMS/aead" "$1" "$(hex "$2")" $nonce "$3" "$4" <"$input" >expected &&
        cmp cipher expected &&
        tool --decrypt "${@:5}" --iv $nonce --aad "$3" -i cipher -o again && cmp "$input" again
}

# gcm TAG-BYTES AAD
gcm()
{
    seals_as AES-256-GCM aes.key "$2" "$1" -m AES-GCM --id 11 --tag-bits-len $(($1 * 8))
}

# tampered TOOL-ARGUMENT...: what was tampered with is not decrypted, and gives no bytes
tampered()
{
    tool --encrypt "$@" -i "$input" -o cipher &&
        printf '\377' | dd of=cipher bs=1 seek=3 conv=notrunc status=none &&
        rm -f again && refused CKR_ENCRYPTED_DATA_INVALID tool --decrypt "$@" -i cipher -o again &&
        [ ! -s again ]
}

cmac()
{
    tool --sign -m AES-CMAC --id 14 -i "$input" -o signature &&
        [ "$(hex signature)" = "$(openssl mac -cipher AES-256-CBC -macopt "hexkey:$(hex cmac.key)" \
            -in "$input" CMAC | tr A-F a-f)" ] &&
        shows 'Signature is valid' tool --verify -m AES-CMAC --id 14 -i "$input" \
            --signature-file signature &&
        ! shows 'Signature is valid' tool --verify -m AES-CMAC --id 14 -i blocks \
            --signature-file signature
}
