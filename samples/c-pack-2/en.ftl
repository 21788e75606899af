title = The kernel swaps only when memory is nearly full
why = Pages of a server that were swapped out are read back in the middle of an answer, which shows as single slow replies.
effect = Single replies can take seconds longer, and nothing else looks wrong.
applicability = All nodes
expected-effect = None published

problem-swaps-early = The kernel swaps early at a swappiness of { $value }
detail-swaps-early = `vm.swappiness` is { $value }, and at most { $limit } is wanted

found-swaps-late = `vm.swappiness` is { $value }
found-not-a-number = `vm.swappiness` is no number
