title = A fast clock source is in use
why = Tokens, scheduler, Python and CUDA take time stamps all the time, and each of them becomes a slow read of a device or a call to the hypervisor.
effect = The software of the service reads the clock constantly, and each reading takes many times longer than it should, so replies come later.
applicability = Bare metal and virtual machines; in a container, the host is what counts
expected-effect = One report: gettimeofday takes 4.5 µs with hpet and about 100 ns with tsc. There is no published number for language models.

problem-slow = The kernel reads its clock from the slow source `{ $source }`
detail-slow = the clock is read from `{ $source }`, which { $source ->
    [jiffies] is slow, and coarse as well
    [refined-jiffies] is slow, and coarse as well
   *[other] is many times slower than a counter of the CPU
}

problem-tsc-unused = The clock is read from slow `{ $source }`, though `tsc` is available
detail-tsc-unused = the clock is read from `{ $source }`, which is slow, though `tsc` is available

problem-unstable = The kernel gave up the CPU's time stamp counter as unstable
effect-unstable = Without this counter the clock may have to be read from a slow source, which delays replies; and what was timed by it while it was unstable may be wrong.
detail-unstable = the kernel found it unstable, and gave it up

found-fast = the clock is read from `{ $source }`
problem-nothing-faster = The clock is read from `{ $source }`; nothing faster is offered
detail-nothing-faster = the clock is read from `{ $source }`, which is slow; the hypervisor offers nothing faster
problem-unknown-source = The clock is read from `{ $source }`, whose speed is not known
detail-unknown-source = the clock is read from `{ $source }`, and Plumb does not know how fast that is
found-no-hypervisor = the clock is read from `{ $source }`, which a hypervisor provides, but the CPU shows none
found-unknown-stability = whether it is stable is not known: { $reason }
