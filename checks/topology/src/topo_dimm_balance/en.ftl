title = Memory channels are evenly and fully populated at rated speed
why = Half the channels is half the bandwidth of host memory, which offloaded weights and KV cache, loading, and tokenisation at high concurrency feel.
effect = Part of the memory bandwidth that was paid for is not there, so starting a model, offloading and handling many requests at once take longer.
applicability = Bare metal; not virtual machines, whose table is made up; the table is readable for root only
expected-effect = Dell: unbalanced and near-balanced layouts cost up to 33 % of the memory bandwidth. No published number for serving language models.

problem-empty = { $empty_count } of { $channels_count } memory channels { $empty_count ->
    [one] holds
   *[other] hold
} no module
detail-empty = no module in { $empty_count } of { $channels_count } channels ({ $sockets ->
    [named] by socket: { $channels }
   *[unnamed] { $channels }
}){ $gpus ->
    [there] , and GPUs are attached there
    [elsewhere] ; no GPU is attached there
   *[unknown] ; whether GPUs are attached there is not known
}

problem-uneven-sockets = The sockets hold different amounts of memory: { $totals }
detail-uneven-sockets = sockets have different amounts of memory: { $totals }

problem-uneven-numbers = The { $channels_count } memory channels hold different numbers of modules
detail-uneven-numbers = all { $channels_count } channels are used, but with different numbers of modules ({ $sizes })

problem-uneven-sizes = The { $channels_count } memory channels hold modules of different sizes
detail-uneven-sizes = all { $channels_count } channels are used, but with modules of different sizes ({ $sizes })

problem-slow = { $slow_count } of { $modules_count } memory modules { $slow_count ->
    [one] runs below its speed
   *[other] run below their speed
}
detail-slow = { $slow_count } of { $modules_count } modules { $slow_count ->
    [one] runs below its speed
   *[other] run below their speed
}, at { $configured } instead of { $rated }: { $why ->
    [shared] two modules share a channel, which lowers the speed on most platforms
   *[limited] the limit of the processor or a setting of the firmware holds the speed down
}

found-same = all { $channels_count } channels hold the same ({ $modules_count } of { $sizes } each; sockets: { $sockets_count })
found-full-speed = { $modules_count ->
    [one] { $modules_count } module runs at its full speed
   *[other] all { $modules_count } modules run at their full speed
}
found-virtual = virtual machine ({ $hypervisor }): its table of modules is made up
found-unknown-channel = the channel of slot `{ $slot }` is not known
found-no-slot = the table lists no slot
found-no-module = the table lists no module
