//! Planted secrets and evidence that sounds like them, made without a look at the detectors.
//!
//! Kinds are facts from two public rule sets (gitleaks, detect-secrets): by what a key begins, of which characters and how
//! long it is, or which words stand beside it. Each is planted where a node may hold one: arguments, a shell's script,
//! variables, units, Compose and container files, the kubelet's configuration, boot arguments, comments, URLs, the kernel log.

use std::collections::BTreeMap;

use super::mask_arguments;
use crate::mask_config::{keep_json, keep_yaml, mask_lines, mask_unit};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// `%h64`: 64 hexadecimal digits; `a` lower case and digits, `A` upper case and digits, `m` both, `w` with `_-`, `l`
    /// letters, `d` digits, `b` base64.
    fn form(&mut self, form: &str) -> String {
        let mut text = String::new();
        let mut rest = form;
        while let Some(at) = rest.find('%') {
            text.push_str(&rest[..at]);
            let kind = &rest[at + 1..at + 2];
            let digits: String = rest[at + 2..].chars().take_while(char::is_ascii_digit).collect();
            let alphabet = match kind {
                "h" => "0123456789abcdef".to_owned(),
                "a" => format!("{LOWER}{DIGITS}"),
                "A" => format!("{UPPER}{DIGITS}"),
                "l" => format!("{LOWER}{UPPER}"),
                "d" => DIGITS.to_owned(),
                "w" => format!("{LOWER}{UPPER}{DIGITS}_-"),
                "b" => format!("{LOWER}{UPPER}{DIGITS}+/"),
                _ => format!("{LOWER}{UPPER}{DIGITS}"),
            };
            text.push_str(&self.text(&alphabet, digits.parse().unwrap()));
            rest = &rest[at + 2 + digits.len()..];
        }
        text + rest
    }

    /// What people choose.
    fn password(&mut self) -> String {
        let word =
            self.one(&["Sommer", "hunter", "Winter", "geheim", "letmein", "trustno", "qwertz", "kaffee"]);
        let number = self.below(9000) + 1000;
        format!("{word}{number}{}", self.one(&["", "!", "#x", ".", "%", "+a", "_Z"]))
    }
}

/// Keys that issuers mark.
const ISSUED: &[(&str, &str)] = &[
    ("1password secret key", "A3-%A6-%A6-%A5-%A5-%A5-%A5"),
    ("1password service account", "ops_eyJ%b250"),
    ("adobe client secret", "p8e-%a32"),
    ("age secret key", "AGE-SECRET-KEY-1%A58"),
    ("airtable access token", "pat%m14.%h64"),
    ("alibaba access key", "LTAI%a20"),
    ("anthropic key", "sk-ant-api03-%w93AA"),
    ("anthropic admin key", "sk-ant-admin01-%w93AA"),
    ("artifactory key", "AKCp%m69"),
    ("artifactory reference", "cmVmd%m59"),
    ("aws access key", "AKIA%A16"),
    ("aws session key", "ASIA%A16"),
    ("aws other keys", "ABIA%A16"),
    ("bedrock long key", "ABSK%b120"),
    ("azure client secret", "%m3" /* completed below */),
    ("clojars token", "CLOJARS_%a60"),
    ("cloudflare origin key", "v1.0-%h24-%h146"),
    ("databricks token", "dapi%h32"),
    ("digitalocean token", "dop_v1_%h64"),
    ("digitalocean oauth", "doo_v1_%h64"),
    ("doppler token", "dp.pt.%a43"),
    ("duffel token", "duffel_live_%w43"),
    ("dynatrace token", "dt0c01.%A24.%A64"),
    ("easypost key", "EZAK%m54"),
    ("facebook page token", "EAAM%m110"),
    ("flutterwave secret", "FLWSECK_TEST-%h32-X"),
    ("fly.io token", "fm2_%b120"),
    ("frame.io token", "fio-u-%w64"),
    ("google api key", "AIza%w35"),
    ("github token", "ghp_%m36"),
    ("github oauth", "gho_%m36"),
    ("github app", "ghs_%m36"),
    ("github refresh", "ghr_%m36"),
    ("github fine-grained", "github_pat_%m22_%m59"),
    ("gitlab token", "glpat-%w20"),
    ("gitlab deploy", "gldt-%w20"),
    ("gitlab runner", "glrt-%w20"),
    ("gitlab job", "glcbt-%m3_%w20"),
    ("gitlab registration", "GR1348941%w20"),
    ("grafana cloud", "glc_%b60"),
    ("grafana service account", "glsa_%m32_%h8"),
    ("harness key", "pat.%w22.%m24.%m20"),
    ("terraform token", "%m14.atlasv1.%w65"),
    ("heroku key", "HRKU-AA%w58"),
    ("hugging face token", "hf_%l34"),
    ("hugging face organisation", "api_org_%l34"),
    ("infracost token", "ico-%m32"),
    ("web token", "eyJ%m30.eyJ%m60.%w43"),
    ("linear key", "lin_api_%a40"),
    ("maxmind key", "%m6_%m29_mmk"),
    ("notion token", "ntn_%d11%m35"),
    ("npm token", "npm_%a36"),
    ("nvidia key", "nvapi-%w64"),
    ("groq key", "gsk_%m52"),
    ("octopus key", "API-%A26"),
    ("openai key", "sk-%m20T3BlbkFJ%m20"),
    ("openai project key", "sk-proj-%w74T3BlbkFJ%w74"),
    ("openshift token", "sha256~%w43"),
    ("perplexity key", "pplx-%m48"),
    ("planetscale token", "pscale_tkn_%w43"),
    ("postman key", "PMAK-%h24-%h34"),
    ("prefect key", "pnu_%m36"),
    ("pulumi token", "pul-%h40"),
    ("pypi token", "pypi-AgEIcHlwaS5vcmc%w80"),
    ("readme token", "rdme_%a70"),
    ("rubygems key", "rubygems_%h48"),
    ("sendgrid key", "SG.%w22.%w43"),
    ("brevo key", "xkeysib-%h64-%m16"),
    ("sentry user token", "sntryu_%h64"),
    ("shippo token", "shippo_live_%h40"),
    ("shopify token", "shpat_%h32"),
    ("slack bot", "xoxb-%d12-%d12-%m24"),
    ("slack user", "xoxp-%d12-%d12-%d12-%m32"),
    ("slack app", "xapp-1-%A11-%d13-%a64"),
    ("sourcegraph token", "sgp_%h16_%h40"),
    ("square token", "sq0atp-%w22"),
    ("stripe key", "sk_live_%m24"),
    ("stripe restricted key", "rk_test_%m24"),
    ("telegram bot", "%d10:AA%w33"),
    ("twilio key", "SK%h32"),
    ("vault service token", "hvs.%w95"),
    ("vault batch token", "hvb.%w150"),
];

/// What only the words beside it tell: the line with `{}` for the secret.
const NAMED: &[(&str, &str)] = &[
    ("option", "vllm\0serve\0m\0--api-key\0{}\0--port\08000"),
    ("option with sign", "vllm\0serve\0m\0--api-key={}"),
    ("option in a script", "sh\0-c\0vllm serve m --hf-token {} --port 8000"),
    ("quoted option", "bash\0-c\0vllm serve m --password '{}' -v"),
    ("curl user", "curl\0-u\0me:{}\0http://h/x"),
    ("curl user attached", "curl\0-ume:{}\0http://h/x"),
    ("curl user in a script", "sh\0-c\0curl -s -u me:{} http://h/?a=1"),
    ("curl header", "curl\0-H\0Authorization: Bearer {}\0http://h/"),
    ("curl key header", "sh\0-c\0curl -H \"X-Api-Key: {}\" http://h/"),
    ("curl cookie", "curl\0-H\0Cookie: sid={}\0http://h/"),
    ("curl cookie option", "curl\0-b\0sid={}\0http://h/"),
    ("mysql", "mysql\0-uroot\0-p{}\0db"),
    ("mysqldump in a script", "sh\0-c\0mysqldump -u root -p{} db > x"),
    ("sshpass", "sshpass\0-p\0{}\0ssh\0h"),
    ("sshpass attached", "sh\0-c\0/usr/bin/sshpass -p{} ssh h"),
    ("redis-cli", "redis-cli\0-h\0h\0-a\0{}\0ping"),
    ("wandb", "wandb\0login\0{}"),
    ("wandb in a script", "sh\0-c\0wandb login --relogin {} && python t.py"),
    ("psk option", "x\0--psk\0{}"),
    ("jwt option", "x\0--jwt\0{}"),
    ("docker login", "docker\0login\0-u\0me\0-p\0{}\0registry"),
    ("ipmitool", "ipmitool\0-H\0h\0-U\0root\0-P\0{}\0power"),
    ("snmp community", "snmpwalk\0-v2c\0-c\0{}\0h"),
    ("ldap", "ldapsearch\0-D\0cn=x\0-w\0{}\0-b\0dc=x"),
    ("smb", "smbclient\0//h/s\0-U\0me%{}"),
    ("openssl", "openssl\0enc\0-k\0{}\0-in\0f"),
    ("openssl pass", "openssl\0rsa\0-passin\0pass:{}"),
    ("nmcli", "nmcli\0dev\0wifi\0connect\0net\0password\0{}"),
    ("zip", "7z\0x\0-p{}\0a.7z"),
    ("rdp", "xfreerdp\0/u:me\0/p:{}\0/v:h"),
    ("mongo", "mongosh\0-u\0me\0-p\0{}"),
    ("minio", "mc\0alias\0set\0a\0http://h\0AKID\0{}"),
    ("ngrok", "ngrok\0authtoken\0{}"),
    ("tailscale", "tailscale\0up\0--authkey\0{}"),
    ("said into a login", "sh\0-c\0echo {} | docker login -u me --password-stdin r"),
    ("variable", "env\0PGPASSWORD={}\0psql"),
    ("variable in a script", "sh\0-c\0export HF_TOKEN={}; vllm serve m"),
    ("aws secret", "env\0AWS_SECRET_ACCESS_KEY={}\0x"),
    (
        "connection string",
        "x\0DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    ),
    ("url credentials", "psql\0postgresql://me:{}@h:5432/db"),
    ("amqp url", "x\0--broker=amqp://me:{}@h//"),
    ("url query", "x\0https://h/?a=1&token={}&b=2"),
    ("sas signature", "x\0https://h/c?sv=2020&sig={}&se=1"),
    ("slack hook", "x\0https://hooks.slack.com/services/T00000000/B00000000/{}"),
    ("discord hook", "x\0https://discord.com/api/webhooks/1/{}"),
    ("module option", "options wifi psk={}"),
    ("boot argument", "BOOT_IMAGE=/vmlinuz ro rd.iscsi.password={} quiet"),
    ("iscsi root", "netroot=iscsi:me:{}@10.0.0.1::::iqn"),
    ("comment", "# password {}"),
    ("comment with sign", "# token: {}"),
    ("comment in words", "# the secret is {}"),
    ("mount option", "mount\0-o\0user=u,password={},ro"),
    ("json member", "x\0{\"password\": \"{}\", \"a\": 1}"),
];

/// Where an issued key or a named line may stand.
fn carriers(line: &str) -> Vec<(&'static str, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let words: Vec<&str> = line.split('\0').collect();
    let lines = line.replace('\0', " ");
    let list = serde_json::json!({ "process": { "args": words }, "services": [{ "command": lines }] });
    let list = serde_json::to_vec(&list).unwrap();
    vec![
        ("argv", text(mask_arguments(line.as_bytes()))),
        ("script", text(mask_arguments(format!("sh\0-c\0{lines}").as_bytes()))),
        (
            "unit",
            text(mask_unit(format!("[Service]\nExecStart=/usr/bin/env {lines}\nRestart=no\n").as_bytes())),
        ),
        ("settings", text(mask_lines(format!("a=1\n{lines}\nb=2\n").as_bytes()))),
        ("compose", text(keep_json(&list, &["process/args", "services"]))),
        ("boot", text(mask_arguments(format!("BOOT_IMAGE=/v ro {lines} quiet\n").as_bytes()))),
        (
            "kubelet",
            text(keep_yaml(
                format!("kind: K\nreserved:\n  # {lines}\n  a: 1\n").as_bytes(),
                &["kind", "reserved"],
            )),
        ),
        ("kernel log", text(mask_arguments(format!("6,1,1,-;systemd: started {lines}").as_bytes()))),
    ]
}

/// How an issued key is written into a line: by itself, or under a name that says nothing.
const NEUTRAL: &[&str] = &[
    "{}",
    "run\0--value\0{}",
    "run\0--value={}",
    "run\0X={}",
    "# {}",
    "run\0https://h/p?x={}",
    "run\0'{}'",
    "run\0a:{}",
];

#[test]
fn planted_secrets_do_not_enter() {
    let mut dice = Dice(20_261_130);
    let mut planted = 0;
    let mut leaked: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds = 0;
    let mut hold = |kind: &str, line: &str, secret: &str| {
        for (carrier, kept) in carriers(line) {
            planted += 1;
            // A beginning that is left is a leak, too, but for the prefix, which is the issuer's name.
            let tail: String = secret.chars().skip(secret.chars().count() / 2).collect();
            let escaped = tail.replace('"', "\\\"");
            if kept.contains(&tail) || kept.contains(&escaped) {
                *leaked.entry(format!("{kind} ({carrier}): {kept:?}")).or_default() += 1;
            }
        }
    };
    for (kind, form) in ISSUED {
        kinds += 1;
        for _ in 0..6 {
            let mut secret = dice.form(form);
            if *kind == "azure client secret" {
                secret = format!("{secret}{}Q~{}", dice.below(10), dice.form("%w33"));
            }
            let line = dice.one(NEUTRAL).replace("{}", &secret);
            hold(kind, &line, &secret);
        }
    }
    for (kind, line) in NAMED {
        kinds += 1;
        for _ in 0..5 {
            // Passwords in URLs are encoded, and a hook's is drawn.
            let secret = match *kind {
                "slack hook" | "discord hook" => dice.form("%m24"),
                "aws secret" | "connection string" => dice.form("%m40"),
                _ => dice.password(),
            };
            let secret = if line.contains("://") || kind.contains("iscsi") {
                secret.replace(['#', '%', '+'], "x")
            } else {
                secret
            };
            hold(kind, &line.replace("{}", &secret), &secret);
        }
    }
    let count: usize = leaked.values().sum();
    let rate = count as f64 * 100.0 / planted as f64;
    println!("{kinds} kinds, {planted} planted secrets, {count} leaked: {rate:.2} %");
    for (what, times) in leaked.iter().take(60) {
        println!("  {times} × {what}");
    }
    assert!(kinds >= 40 && planted >= 5000);
    assert!(rate <= 0.5, "{rate:.2} % of the planted secrets leaked");
}

/// Evidence with what changes from node to node: `{}` is a value of the form beside it.
const EVIDENCE: &[(&str, &str)] = &[
    ("vllm\0serve\0{}\0--tensor-parallel-size\04", "meta-llama/Llama-3.%d1-%d2B-Instruct"),
    ("vllm\0serve\0{}", "Qwen/Qwen2.5-VL-%d2B-Instruct-GPTQ-Int%d1"),
    ("vllm\0serve\0{}", "neuralmagic/Meta-Llama-3.1-%d3B-Instruct-FP8-dynamic"),
    ("vllm\0serve\0{}", "TheBloke/Mixtral-8x%d1B-Instruct-v0.%d1-AWQ"),
    ("vllm\0serve\0{}", "deepseek-ai/DeepSeek-R1-Distill-Qwen-%d2B"),
    ("vllm\0serve\0/models/{}", "hub/models--meta-llama--Llama-3.1-8B/snapshots/%h40"),
    ("llama-server\0-m\0{}", "/models/Mistral-Nemo-Instruct-2407-Q%d1_K_M.gguf"),
    ("python\0-m\0sglang.launch_server\0--model-path\0m\0--tp\0{}", "%d1"),
    ("python\0-m\0sglang.launch_server\0--numa-node\0{}", "0 0 1 %d1"),
    ("vllm\0serve\0m\0--max-num-batched-tokens\0{}", "%d4"),
    ("vllm\0serve\0m\0--max-model-len={}", "%d5"),
    ("vllm\0serve\0m\0--tokenizer\0{}", "mistralai/Mistral-7B-v0.%d1"),
    ("vllm\0serve\0m\0--tokenizer-mode=auto\0--seed\0{}", "%d3"),
    ("vllm\0serve\0m\0--gpu-memory-utilization\0{}", "0.%d2"),
    ("vllm\0serve\0m\0--kv-transfer-config\0{\"kv_connector\":\"NixlConnector\",\"kv_rank\":{}}", "%d1"),
    ("vllm\0serve\0m\0--compilation-config\0{\"cudagraph_capture_sizes\":[1,2,4,{}]}", "%d2"),
    ("vllm\0serve\0m\0--host\00.0.0.0\0--port\0{}", "8%d3"),
    ("vllm\0serve\0m\0--hf-overrides\0{\"max_position_embeddings\":{}}", "%d5"),
    ("vllm\0serve\0m\0--served-model-name\0{}", "Llama-3.3-Nemotron-Super-%d2B-v1"),
    ("trtllm-serve\0/engines/{}", "LlamaForCausalLM-tp%d1-pp1-bf16"),
    ("tritonserver\0--model-repository={}", "/mnt/nvme%d1/models"),
    ("text-generation-launcher\0--model-id\0{}\0--num-shard\02", "bigscience/bloom-%d1b1"),
    ("ollama\0runner\0--model\0{}", "/root/.ollama/models/blobs/sha256-%h64"),
    ("ray::ServeReplica:{}", "default:VLLMDeployment"),
    (
        "/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0{}\0-address\0/run/containerd/containerd.sock",
        "%h64",
    ),
    ("taskset\0-c\0{}\0vllm\0serve\0m", "0-%d2,64-1%d2"),
    ("numactl\0--cpunodebind={}\0--membind=0\0vllm\0serve\0m", "%d1"),
    ("mpirun\0-np\08\0--bind-to\0none\0-x\0NCCL_SOCKET_IFNAME={}\0x", "eth%d1"),
    ("CUDA_VISIBLE_DEVICES={}", "GPU-%h8-%h4-%h4-%h4-%h12"),
    ("CUDA_VISIBLE_DEVICES={}", "MIG-%h8-%h4-%h4-%h4-%h12"),
    ("NVIDIA_VISIBLE_DEVICES={}", "0,1,2,%d1"),
    ("NCCL_IB_HCA={}", "=mlx5_0:1,mlx5_%d1:1"),
    ("NCCL_TOPO_FILE={}", "/etc/nccl/topo-%h8.xml"),
    ("NCCL_P2P_LEVEL={}", "NVL"),
    ("OMP_NUM_THREADS={}", "%d2"),
    ("OMP_PLACES={}", "{0:%d1},{8:%d1}"),
    ("GOMP_CPU_AFFINITY={}", "0-7 16-%d2"),
    ("KMP_AFFINITY={}", "granularity=fine,compact,1,%d1"),
    ("LD_PRELOAD={}", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.%d1"),
    ("HF_HOME={}", "/data/hf-cache-%d2"),
    ("VLLM_ATTENTION_BACKEND={}", "FLASHINFER"),
    ("VLLM_CPU_OMP_THREADS_BIND={}", "0-31|32-%d2"),
    ("SLURM_CPU_BIND={}", "quiet,mask_cpu:0x%h16"),
    ("UCX_NET_DEVICES={}", "mlx5_%d1:1"),
    ("TLLM_NUMA_AWARE_WORKER_AFFINITY={}", "%d1"),
    ("BOOT_IMAGE=/boot/vmlinuz-6.8.0-{}-generic root=UUID=1 ro quiet", "%d2"),
    (
        "root=UUID={} ro isolcpus=managed_irq,domain,2-31 nohz_full=2-31 rcu_nocbs=2-31",
        "%h8-%h4-%h4-%h4-%h12",
    ),
    ("root=/dev/mapper/vg-root roothash={} ro", "%h64"),
    ("intel_idle.max_cstate={} processor.max_cstate=1 idle=poll", "%d1"),
    ("hugepagesz=1G hugepages={} default_hugepagesz=1G transparent_hugepage=never", "%d3"),
    ("pci=realloc,noaer iommu=pt intel_iommu=on pcie_acs_override=downstream crashkernel={}M", "%d3"),
    ("module.sig_enforce={} lockdown=integrity mitigations=off", "%d1"),
    ("systemd.unified_cgroup_hierarchy={} systemd.unit=multi-user.target", "%d1"),
    ("console=ttyS0,115200n8 console=tty0 net.ifnames={} tsc=reliable clocksource=tsc", "%d1"),
    ("ExecStart=/opt/vllm/bin/vllm serve m --port {}", "8%d3"),
    ("CPUAffinity={}", "0-15 32-%d2"),
    ("CPUQuota={}%", "%d3"),
    ("NUMAPolicy=bind NUMAMask={}", "%d1"),
    ("AllowedCPUs={}", "0-%d2"),
    ("LimitMEMLOCK={}", "%d8"),
    ("Slice=machine-{}.slice", "%a6"),
    ("IRQBALANCE_BANNED_CPULIST={}", "2-31,34-%d2"),
    ("IRQBALANCE_ARGS=\"--policyscript=/etc/irq-{}.sh\"", "%a4"),
    ("options nvidia NVreg_RegistryDwords=\"PerfLevelSrc=0x{}\"", "%d4"),
    ("options nvidia NVreg_EnableGpuFirmware={} NVreg_RestrictProfilingToAdminUsers=0", "%d1"),
    ("options mlx5_core num_of_groups={}", "%d1"),
    ("# tuned profile for GPU nodes, version {}", "%d2"),
    ("# see https://docs.vllm.ai/en/v0.{}/serving.html", "%d1"),
    (
        "6,{},1,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "%d4",
    ),
    ("3,{},1,-;mce: [Hardware Error]: CPU 12: Machine Check: 0 Bank 7: 8c00004000010090", "%d4"),
    ("4,{},1,-;pcieport 0000:00:01.1: AER: Corrected error received: 0000:01:00.0", "%d4"),
    (
        "6,{},1,-;Memory cgroup out of memory: Killed process 4711 (vllm) total-vm:1kB, anon-rss:2kB, oom_score_adj:0",
        "%d4",
    ),
    (
        "6,{},1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=kubepods-burstable-pod1.slice,mems_allowed=0-1,task=vllm,pid=7,uid=0",
        "%d4",
    ),
    ("kubelet\0--config=/var/lib/kubelet/config.yaml\0--node-ip={}", "10.0.%d2.%d2"),
    ("dockerd\0-H\0fd://\0--containerd={}", "/run/containerd/containerd%d1.sock"),
    ("nvidia-persistenced\0--user\0nvidia-persistenced\0--no-persistence-mode\0--verbose{}", ""),
    ("qemu-system-x86_64\0-smp\0{},sockets=2\0-numa\0node,cpus=0-15", "%d2"),
    ("ssh\0-p\0{}\0host", "22%d2"),
    ("docker\0run\0-p\0{}:8000\0--gpus\0all\0vllm/vllm-openai:v0.9.1", "80%d2"),
    ("ps\0-p\0{}", "%d4"),
    ("python\0-u\0/app/train_{}.py", "%a5"),
    ("tar\0-k\0-C\0/data/{}", "%a8"),
    ("java\0-cp\0/opt/Spark{}.jar\0org.apache.spark.deploy.SparkSubmit", "%d2"),
    ("http://auth.example.com:{}/token/x", "8%d3"),
    ("gunicorn\0--worker-class\0uvicorn.workers.UvicornWorker\0--bind\0unix:/run/app{}.sock", "%d1"),
    ("nginx: worker process {}", ""),
    ("/sbin/agetty\0-o\0-p -- \\u\0--noclear\0tty{}\0linux", "%d1"),
    ("monkey\0--hotkey\0{}\0--keyboard=de\0--donkey", "F%d1"),
    ("mongod\0--port\0{}\0--dbpath\0/data/db", "27%d3"),
    ("redis-server\0*:{}", "6%d3"),
    ("mysqld\0--port={}\0--datadir=/var/lib/mysql", "3%d3"),
];

#[test]
fn evidence_is_not_hidden() {
    let mut dice = Dice(7);
    let (mut read, mut hidden) = (0, BTreeMap::<String, usize>::new());
    for (line, form) in EVIDENCE {
        for _ in 0..60 {
            let line = line.replace("{}", &dice.form(form));
            read += 1;
            let kept = mask_arguments(line.as_bytes());
            let kept = String::from_utf8_lossy(&kept);
            let unit = mask_lines(line.replace('\0', " ").as_bytes());
            if kept != line || unit != line.replace('\0', " ").as_bytes() {
                *hidden.entry(format!("{:?} → {kept:?}", line)).or_default() += 1;
            }
        }
    }
    let count: usize = hidden.values().sum();
    let rate = count as f64 * 100.0 / read as f64;
    println!("{} kinds, {read} lines of evidence, {count} masked: {rate:.2} %", EVIDENCE.len());
    for what in hidden.keys().take(30) {
        println!("  {what}");
    }
    assert!(rate <= 0.5, "{rate:.2} % of the evidence is hidden");
}
