title = The kernel does not swap early
why = `vm.swappiness` weighs moving memory of processes to disk against dropping cached files. A high value moves memory of the inference server although cached files could be dropped.
effect = A reply waits whenever the server needs memory that has been moved to disk.
applicability = All nodes; a container reads the host's setting
expected-effect = No number is published.

limit-highest = highest value of vm.swappiness
limit-highest-applies = all nodes
limit-highest-source = our proposal: replace it by a source that a reader can open

problem-high = `vm.swappiness` is { $value } and lets the kernel swap early
detail-high = set to { $value }, and at most { $highest } is wanted

found-low = set to { $value }
found-no-number = holds `{ $text }`, which is no number
