title = Tail latency is close to the median
why = A wide tail beside a good median is the mark of noise, throttling or preemption.
effect = Most replies are fast, but some customers wait far longer than the others do.
applicability = Every service
expected-effect = Intel's NUMA case: +50.9 % throughput at a limit of 10 ms, but +1.7 % without limit: defects of a host show in the tail, not in the mean.

limit-low-load = load, as share of the highest completed rate, up to which the tail is judged
limit-low-load-applies = load tests
limit-low-load-source = our proposal: beyond, queues set the tail

limit-itl-wide = 99th percentile over median of the inter-token latency above which there is a warning
limit-itl-wide-applies = requests of one length class
limit-itl-wide-source = our proposal

limit-itl-too-wide = 99th percentile over median of the inter-token latency above which it is a failure
limit-itl-too-wide-applies = requests of one length class
limit-itl-too-wide-source = our proposal

limit-ttft-wide = 99th percentile over median of the time to first token above which there is a warning
limit-ttft-wide-applies = requests of one length class
limit-ttft-wide-source = our proposal

limit-ttft-too-wide = 99th percentile over median of the time to first token above which it is a failure
limit-ttft-too-wide-applies = requests of one length class
limit-ttft-too-wide-source = our proposal

problem-too-wide = One in a hundred { $metric ->
    [ttft] first tokens
   *[itl] tokens
} takes over { $ratio } times the median
effect-too-wide = { $metric ->
    [ttft] Most replies start quickly, but some customers wait far longer for theirs than the others do.
   *[itl] Most replies flow, but again and again one stalls in the middle.
}
detail-too-wide = 99th percentile { $p99_ms }, { $ratio } times the median of { $p50_ms }

problem-wide = One in a hundred { $metric ->
    [ttft] first tokens
   *[itl] tokens
} takes over { $ratio } times the median
effect-wide = { $metric ->
    [ttft] Most replies start quickly, but some customers wait longer for theirs than the others do.
   *[itl] Most replies flow, but now and then one stalls in the middle.
}
detail-wide = 99th percentile { $p99_ms }, { $ratio } times the median of { $p50_ms }

found-close = 99th percentile { $p99_ms }, { $ratio } times the median of { $p50_ms }
found-few-values = too few values for the 99th percentile ({ $values_count } were counted)
found-no-low-load = no load test had a low load beside one with a high load: the tail at the limit is that of the queue
found-needs-load-test = only a load test compares requests of equal length: { $reason }
found-no-calm-server = { $reason }, and no server told its latency while nothing waited
