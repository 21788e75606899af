title = GPU memory is healthy
why = Remaps that wait or have failed, and uncorrectable errors, precede crashes and returns of GPUs.
effect = An error in the memory of a GPU can end requests in progress or the whole server; until the fault is dealt with, it can come again.
applicability = Bare metal, virtual machines; NVIDIA Ampere and newer, older ones by retired pages; the memory of other GPUs is not read
expected-effect = Availability.

limit-remaps = remaps after uncorrectable errors above which it is a failure
limit-remaps-applies = NVIDIA Ampere and newer

problem-remap-failed = { $gpus_count ->
    [one] GPU { $gpu } could not replace a faulty row of its memory
   *[other] { $gpus_count } of { $all_count } GPUs could not replace faulty memory rows
}
effect-remap-failed = The memory of this GPU cannot repair itself any more: requests and servers on it will fail, and it has to be replaced.
detail-remap-failed = the remapping of a row of its memory has failed

problem-remap-pending = { $gpus_count ->
    [one] GPU { $gpu } needs a reset to replace a faulty memory row
   *[other] { $gpus_count } of { $all_count } GPUs need a reset to replace faulty memory rows
}
detail-remap-pending = a row of its memory waits to be remapped at the next reset

problem-many-remaps = { $gpus_count ->
    [one] GPU { $gpu } has replaced { $most_rows } memory rows after uncorrectable errors
   *[other] { $gpus_count } of { $all_count } GPUs have replaced too many memory rows
}
effect-many-remaps = The memory of this GPU wears out: more errors are to be expected, and each can end requests in progress or the whole server.
detail-many-remaps = { $gpus_count ->
    [one] { $most_rows } rows of its memory were remapped after uncorrectable errors
   *[other] up to { $most_rows } rows of their memory were remapped after uncorrectable errors
}

problem-remapped = { $gpus_count ->
    [one] GPU { $gpu } has replaced { $most_rows ->
        [one] { $most_rows } faulty memory row
       *[other] { $most_rows } faulty memory rows
    }
   *[other] { $gpus_count } of { $all_count } GPUs have replaced faulty memory rows
}
effect-remapped = Nothing is lost now. GPUs of which memory had to be replaced are more likely to need more of it, and then to be taken out of service.
detail-remapped = { $gpus_count ->
    [one] { $most_rows ->
        [one] { $most_rows } row of its memory was remapped
       *[other] { $most_rows } rows of its memory were remapped
    }
   *[other] rows of their memory were remapped, on one GPU { $most_rows }
}

problem-retire-pending = { $gpus_count ->
    [one] GPU { $gpu } needs a reset to retire a faulty memory page
   *[other] { $gpus_count } of { $all_count } GPUs need a reset to retire faulty memory pages
}
detail-retire-pending = a page of its memory waits to be retired at the next reset or reboot

problem-retired = { $gpus_count ->
    [one] GPU { $gpu } has retired { $most_pages ->
        [one] { $most_pages } faulty memory page
       *[other] { $most_pages } faulty memory pages
    }
   *[other] { $gpus_count } of { $all_count } GPUs have retired faulty memory pages
}
effect-retired = Nothing is lost now. GPUs of which memory had to be retired are more likely to lose more of it, and then to be taken out of service.
detail-retired = { $gpus_count ->
    [one] { $most_pages ->
        [one] { $most_pages } page of its memory was retired
       *[other] { $most_pages } pages of its memory were retired
    }
   *[other] pages of their memory were retired, on one GPU { $most_pages }
}

problem-uncorrected = { $gpus_count ->
    [one] GPU { $gpu } had { $most_errors ->
        [one] { $most_errors } memory error
       *[other] { $most_errors } memory errors
    } that could not be corrected
   *[other] { $gpus_count } of { $all_count } GPUs had uncorrectable memory errors
}
detail-uncorrected = { $gpus_count ->
    [one] { $most_errors ->
        [one] { $most_errors } error of its memory could not be corrected
       *[other] { $most_errors } errors of its memory could not be corrected
    } since the driver was loaded
   *[other] their memory had errors that could not be corrected since the driver was loaded, on one GPU { $most_errors }
}

problem-uncorrecting = Error correction of memory is off on { $gpus_count ->
    [one] GPU { $gpu }
   *[other] { $gpus_count } of { $all_count } GPUs
}
effect-uncorrecting = An error in the memory of the GPU goes unnoticed: it can change replies or end the server, and nothing tells why.
detail-uncorrecting = error correction of its memory is off

found-healthy = no errors that could not be corrected, and no repair waits
found-silent = the GPU tells nothing of the health of its memory
found-no-gpu = no GPU was found
found-other-vendor = the GPUs are of vendor `{ $vendor }`: only the memory of NVIDIA GPUs is read so far
found-no-device = NVML lists no GPU, and PCI does not say that there is none
