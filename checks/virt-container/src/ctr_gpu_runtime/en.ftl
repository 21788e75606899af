title = GPU container runtime is current and stable
why = A known failure: containers lose their GPUs after `systemctl daemon-reload` where access to the devices is not declared through CDI.
effect = A routine reload of the system can take the GPUs away from the service, which then answers no request until it is started again.
applicability = Containers and Kubernetes with GPUs of NVIDIA
expected-effect = Availability.

limit-age-in-days = age of NVIDIA's container toolkit in days
limit-age-in-days-applies = hosts whose containers use NVIDIA GPUs
limit-age-in-days-source = our proposal; dates of releases by the tags of github.com/NVIDIA/nvidia-container-toolkit

problem-two-drivers = The GPU driver is { $kernel } in the kernel, its libraries are { $library }
effect-two-drivers = The service runs only until its next start: containers that start now get no GPU.
detail-two-drivers = the kernel module is { $kernel } and the libraries are { $library }: containers that start now get no GPU

problem-old = NVIDIA's container toolkit { $version } is { $known ->
    [exact] {""}
   *[more] {"more than "}
}{ $age_days ->
    [one] { $age_days } day
   *[other] { $age_days } days
} old
effect-old = Faults and security gaps that later releases have mended may still be there.
detail-old = version { $version } was released { $known ->
    [exact] {""}
   *[more] {"more than "}
}{ $age_days ->
    [one] { $age_days } day
   *[other] { $age_days } days
} before the collection

problem-undeclared = Reloading systemd would take the GPUs of the server (pid { $pid })
detail-undeclared = its GPUs are not declared in its specification: `systemctl daemon-reload` on the host cuts it off

found-one-driver = kernel module and libraries are { $version }
found-current = version { $version } is current
found-recent = version { $version } was released { $age_days ->
    [one] { $age_days } day
   *[other] { $age_days } days
} before the collection
found-declared = its GPUs are declared in its specification, so that they outlive a reload of systemd
found-not-by-systemd = systemd does not drive its control group, so that a reload cannot take its GPUs away
found-odd-version = the toolkit's version `{ $version }` is not of a known form
found-odd-date = the date of the collection, `{ $date }`, is not of a known form
found-not-yet-released = the collection is dated { $date }, before version { $version } was released
found-no-gpu = no GPU of NVIDIA was found
found-no-server = no inference server was found: collect while the service runs
found-no-container = no inference server runs in a container
found-unknown-container = it is not known whether it runs in a container: { $reason }
found-inside = seen from inside of a container ({ $container }): on its host, `{ $command }` shows it
