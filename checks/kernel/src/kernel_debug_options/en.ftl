title = Debug and hardening options with a cost are known
why = A kernel that was built to find faults costs a lot: KASAN checks each access to memory, KMSAN tracks memory without a value, KCSAN looks for races, KCOV records each branch, PROVE_LOCKING and DEBUG_LOCK_ALLOC check each use of a lock, LOCK_STAT times it, `slub_debug` checks each allocation, `debug_pagealloc` unmaps each free page, `page_poison` overwrites it, `page_owner` records who allocated it, kmemleak looks for leaks. Clearing memory when it is allocated costs a little, and is a choice of security.
effect = A version of the system for finding faults runs in production: everything that the service asks of the kernel takes longer than it needs to, so replies come later and the machine serves fewer requests.
applicability = Bare metal and virtual machines; a container has the kernel of its host
expected-effect = No published number for language models.

problem-debug-release = The running kernel `{ $release }` is a debug kernel
detail-debug-release = `{ $release }` is a debug kernel

problem-debug-build = The kernel was built with { $options_count ->
    [one] { $options_count } debug option
   *[other] { $options_count } debug options
}
detail-debug-build = with { $options }, which { $checks ->
    [DEBUG_KMEMLEAK] looks for leaks
    [DEBUG_LOCK_ALLOC] checks each use of a lock
    [DEBUG_PAGEALLOC_ENABLE_DEFAULT] unmaps each free page
    [KASAN] checks each access to memory
    [KCOV] records each branch
    [KCSAN] looks for races
    [KMSAN] tracks memory without a value
    [LOCK_STAT] times each lock
    [PROVE_LOCKING] proves each use of a lock
    [SLUB_DEBUG_ON] checks each allocation
   *[several] check or record what the kernel does while it runs
}

problem-debug-arguments = { $arguments_count ->
    [one] { $arguments_count } boot argument turns
   *[other] { $arguments_count } boot arguments turn
} checks of the kernel on
effect-debug-arguments = The kernel checks or records its own use of memory in production: what the service asks of it takes longer than it needs to, so replies come later.
detail-debug-arguments = { $arguments } { $checks ->
    [debug_pagealloc] unmaps each free page
    [kmemleak] looks for leaks
    [page_owner] records who allocates each page
    [page_poison] overwrites each free page
    [slub_debug] checks each allocation
   *[several] make the kernel check or record its own use of memory
}

problem-real-time = The kernel `{ $release }` is a real-time kernel
detail-real-time = `{ $release }` is a real-time kernel: it answers sooner at the worst, and does less work in the same time
found-no-debug-release = `{ $release }` is not marked as a debug kernel
found-no-debug-build = without options that check the kernel while it runs
found-no-debug-arguments = none turns checks of the kernel on
found-unknown-option = it is not known whether { $option } is set
problem-cleared = The kernel clears memory before it hands it out
detail-cleared = memory that the kernel hands out is cleared first
problem-cleared-by-default = The kernel clears memory before it hands it out
detail-cleared-by-default = memory that the kernel hands out is cleared first, by default of this kernel; `init_on_alloc=0` would save that, and lower security
problem-not-cleared = The kernel does not clear memory before it hands it out
detail-not-cleared = memory that the kernel hands out is not cleared first
