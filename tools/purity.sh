#!/usr/bin/env bash
# The logic is pure: checks on the symbols of each folder's library (build/release) that the folders
# which decide call no libc file, socket, clock, thread or allocation function and hold no writable
# global. What they may call: each other, base, the doors io_* and offload_*, and the list below.
# One test a folder; the last line counts.
set -u
cd "$(dirname "$0")/.."
folders="wire replica state msg core edge shard control"
build=build/release

# Pure libc, and what compilers put in.
pure="^(mem(cpy|move|set|cmp|chr|mem|rchr)|str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|str)|bcmp\
|__(mem(cpy|move|set)|strlen)_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__tls_get_addr\
|__(udiv|umod|div|mod)ti3|__popcountdi2|__cpu_model|__cpu_indicator_init)$"
# Base may allocate and print; the folders that decide may not do it through base.
not_through_base="^(mem_take|mem_resize|mem_return|mem_copy_text|arena_create|arena_destroy\
|buf_pool_create|buf_pool_destroy|recorder_print|check_set_story)$"

tools/build release >build/purity.log 2>&1 || {
    tail -n 40 build/purity.log
    echo "0 passed, 1 failed"
    exit 1
}
ours=$(nm --defined-only -g "$build"/liblev_*.a 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)

# Names that a library needs and is not to have, with the object that needs them.
impure_calls() {
    nm -A -u "$1" | awk '{ split($1, place, ":"); print place[2], $NF }' | sort -u |
        while read -r object name; do
            if [[ $name =~ $not_through_base ]]; then
                echo "$object calls $name"
            elif ! [[ $name =~ $pure || $name =~ ^(io|offload)_ ]] &&
                ! grep -qxF "$name" <<<"$ours"; then
                echo "$object calls $name"
            fi
        done
}

# Data that can be written: constants that only the loader relocates are not.
writable_globals() {
    nm -A --format=sysv "$1" 2>/dev/null | awk -F'|' '
        $7 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ &&
        $4 ~ /OBJECT|TLS/ {
            split($1, place, ":"); sub(/ +$/, "", place[3])
            print place[2] " holds the writable " place[3]
        }'
}

passed=0
failed=0
for folder in $folders; do
    library=$build/liblev_$folder.a
    [ -f "$library" ] || continue
    found=$(impure_calls "$library"; writable_globals "$library")
    if [ -z "$found" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        sed "s/^/$folder: /" <<<"$found"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
