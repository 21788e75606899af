title = Random numbers do not block
why = It concerns old kernels and odd virtual machines only: programs may stand still while the kernel gathers randomness.
effect = Secure connections to the service can stand still while the machine waits for random numbers.
applicability = Virtual machines above all
expected-effect = No published number.

limit-enough = random bits in the pool
limit-enough-applies = Linux before 5.6
limit-enough-source = our proposal: as many as a key needs

limit-little = random bits in the pool, too few
limit-little-applies = Linux before 5.6
limit-little-source = our proposal

problem-few = Only { $bits_count ->
    [one] { $bits_count } random bit is
   *[other] { $bits_count } random bits are
} left for programs that wait for them
effect-few = A program that asks for secure random numbers, such as one that opens an encrypted connection, can stand still until the machine has gathered more.
detail-few = { $bits_count ->
    [one] { $bits_count } bit is
   *[other] { $bits_count } bits are
} in the pool of a kernel that may block on it

problem-few-with-tls = Only { $bits_count ->
    [one] { $bits_count } random bit is
   *[other] { $bits_count } random bits are
} left for encrypted connections
detail-few-with-tls = { $bits_count ->
    [one] { $bits_count } bit is
   *[other] { $bits_count } bits are
} in the pool of a kernel that may block on it, and connections with TLS come in on port { $port }

found-enough = { $bits_count ->
    [one] { $bits_count } bit is
   *[other] { $bits_count } bits are
} in the pool of a kernel that may block on it
found-never-blocks = Linux { $release } does not block on random numbers once it has started
found-no-release = `{ $release }` is no kernel release
