title = Transparent huge pages do not cause stalls
why = A thread that compacts memory stands still for milliseconds. Huge pages also help large buffers, so off is not better in itself.
effect = A thread of the service that needs memory may have to wait until the kernel has made room for it, so single replies can take noticeably longer.
applicability = Bare metal, virtual machines, containers (which have the setting of the host)
expected-effect = Huawei MindIE: `always` gives more stable throughput (no figure). There are anecdotes of databases that stalled for 0.5 to 1 s. There is no published number for language models, so measure both.

limit-some = rate of waits for compaction, noticeable
limit-some-applies = all nodes, under load
limit-some-source = our proposal

limit-many = rate of waits for compaction, or of huge pages that could not be had, too high
limit-many-applies = all nodes, under load
limit-many-source = our proposal: at milliseconds each, a few per cent of one thread

problem-always-compacting = Any process may have to compact memory when it needs some
detail-always-compacting = huge pages for all processes, and `defrag` is `always`: any process may have to compact memory when it asks for some

problem-stalls = Threads wait for memory compaction { $waits_rate } times a second
effect-stalls = Threads stand still while the kernel compacts memory for them; where these are threads of the service, single replies take noticeably longer.
detail-stalls = threads waited for compaction { $waits_rate } times a second, and { $lacking_rate } huge pages a second could not be had

problem-lacking = { $lacking_rate } huge pages a second could not be had
effect-lacking = Memory is too fragmented for huge pages: programs that rely on them run a little more slowly, and threads are about to wait for memory as well.
detail-lacking = { $lacking_rate } huge pages a second could not be had, and threads waited for compaction { $waits_rate } times a second

found-always = huge pages for all processes, `defrag` is `{ $defrag }`
found-not-for-all = huge pages: `{ $enabled }`
found-few-stalls = threads waited for compaction { $waits_rate } times a second, and { $lacking_rate } huge pages a second could not be had, under load
