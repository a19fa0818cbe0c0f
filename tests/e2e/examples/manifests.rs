//! Kubernetes: the manifests keep their promises, and what is mounted is a valid set-up in the very layout that a kubelet makes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use serde_json::{Value, json};

use super::{can_be_typed, ends_within, listed, path, text, texts, valid, yaml};

const DIR: &str = "examples/kubernetes";
const USER: u64 = 65_532;

/// Every file with a pod in it, and where the pod is.
const PODS: [(&str, &str); 3] = [
    ("watch/deployment.yaml", "/spec/template"),
    ("cronjob/cronjob.yaml", "/spec/jobTemplate/spec/template"),
    ("journal.yaml", "/spec/template"),
];

fn manifest(name: &str) -> Value {
    yaml(&format!("{DIR}/{name}"))
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

fn pods() -> Vec<(&'static str, Value)> {
    PODS.iter().map(|(name, pointer)| (*name, at(&manifest(name), pointer).clone())).collect()
}

fn config() -> String {
    text(&format!("{DIR}/config/portcullis.yaml"))
}

#[test]
fn every_pod_has_no_right_that_it_does_not_need() {
    for (name, pod) in pods() {
        let spec = at(&pod, "/spec");
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        assert_eq!(spec["serviceAccountName"], "portcullis", "{name}");
        let security = &spec["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        for of in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert_eq!(security[of], USER, "{name}: {of}, as in the Dockerfile");
        }
        assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }), "{name}");
        for of in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_eq!(spec[of], Value::Null, "{name}: {of}");
        }
        let [container] = spec["containers"].as_array().unwrap().as_slice() else { panic!("{name}: one container") };
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
            }),
            "{name}"
        );
        for of in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
            assert!(at(container, of).is_string(), "{name}: {of}");
        }
        let image = container["image"].as_str().unwrap();
        assert!(!image.ends_with(":latest") && image.rsplit('/').next().unwrap().contains(':'), "{name}: {image}");
        can_be_typed(name, &[vec!["portcullis".to_owned()], texts(&container["args"])].concat());
    }
}

#[test]
fn every_pod_mounts_the_same_and_all_that_the_configuration_names() {
    let all = pods();
    let (_, first) = &all[0];
    let mounts = at(first, "/spec/containers/0/volumeMounts");
    for (name, pod) in &all {
        assert_eq!(at(pod, "/spec/volumes"), at(first, "/spec/volumes"), "{name}");
        assert_eq!(at(pod, "/spec/containers/0/volumeMounts"), mounts, "{name}");
        let given = at(pod, "/spec/containers/0/args").to_string();
        assert!(given.contains("\"/etc/portcullis/config/portcullis.yaml\""), "{name}");
    }
    let mounts = mounts.as_array().unwrap();
    for mount in mounts {
        assert_eq!(mount["subPath"], Value::Null, "a file mounted so does not follow its ConfigMap");
        let writable = ["journal", "tmp"].contains(&mount["name"].as_str().unwrap());
        assert_eq!(mount["readOnly"].as_bool().unwrap_or(false), !writable, "{mount}");
    }
    let config = config();
    let named = config.split([' ', '\n']).filter(|word| word.starts_with('/'));
    let places: Vec<&str> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    let mut secrets = 0;
    let commands = text(&format!("{DIR}/README.md"));
    for named in named {
        assert!(places.iter().any(|place| named.starts_with(place)), "{named} is mounted nowhere");
        if let Some(key) = named.strip_prefix("/etc/portcullis/secrets/") {
            let made = [format!("--from-file={key}="), format!("--from-literal={key}=")];
            assert!(made.iter().any(|made| commands.contains(made)), "nobody makes {key}");
            secrets += 1;
        }
    }
    assert_eq!(secrets, 2, "{config}");
}

/// Kubernetes reads `0400` as an octal number, as YAML 1.1 does.
#[test]
fn the_secret_has_a_mode_that_the_file_rule_accepts() {
    for (name, _) in PODS {
        let text = text(&format!("{DIR}/{name}"));
        assert!(text.contains("secret: { secretName: portcullis, defaultMode: 0400 }"), "{name}");
    }
    // With `fsGroup` a kubelet adds the group's right to read: everyone has none.
    let given = 0o400 | 0o440;
    assert_eq!(given & 0o004, 0);
    assert_eq!(given, 0o440, "one of the modes that `units` tries with the real binary");
}

#[test]
fn there_is_one_writer_of_the_journal_and_it_has_time_to_end() {
    let deployment = manifest("watch/deployment.yaml");
    assert_eq!(at(&deployment, "/spec/replicas"), 1);
    assert_eq!(at(&deployment, "/spec/strategy"), &json!({ "type": "Recreate" }));
    let grace = at(&deployment, "/spec/template/spec/terminationGracePeriodSeconds").as_u64().unwrap();
    assert!(grace > ends_within(&config()), "{grace}");

    let cron = manifest("cronjob/cronjob.yaml");
    assert_eq!(at(&cron, "/spec/concurrencyPolicy"), "Forbid");
    assert_eq!(at(&cron, "/spec/jobTemplate/spec/backoffLimit"), 0);
    let args = texts(at(&cron, "/spec/jobTemplate/spec/template/spec/containers/0/args"));
    assert_eq!(args[..2], ["apply", "--yes"]);

    let claim = manifest("config/journal-claim.yaml");
    assert_eq!(at(&claim, "/spec/accessModes"), &json!(["ReadWriteOncePod"]));
    for (name, pod) in pods() {
        let volumes = at(&pod, "/spec/volumes").as_array().unwrap();
        let journal = volumes.iter().find(|volume| volume["name"] == "journal").unwrap();
        assert_eq!(journal["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"], "{name}");
    }
}

#[test]
fn probes_metrics_and_network_name_the_listener() {
    let settings: Value = serde_yaml::from_str(&config()).unwrap();
    let port: u64 = settings["watch"]["listen"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(settings["watch"]["metrics"], "open");
    assert!(settings["watch"]["token"]["file"].is_string(), "it listens to more than loopback");

    let deployment = manifest("watch/deployment.yaml");
    let container = at(&deployment, "/spec/template/spec/containers/0");
    assert_eq!(at(container, "/ports"), &json!([{ "name": "http", "containerPort": port }]));
    for (probe, place) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({ "path": place, "port": "http" }));
    }
    let labels = at(&deployment, "/spec/template/metadata/labels");
    let selectors = [
        (manifest("watch/deployment.yaml"), "/spec/selector/matchLabels"),
        (manifest("watch/service.yaml"), "/spec/selector"),
        (manifest("watch/podmonitor.yaml"), "/spec/selector/matchLabels"),
        (manifest("config/networkpolicy.yaml"), "/spec/podSelector/matchLabels"),
    ];
    for (manifest, pointer) in &selectors {
        assert_eq!(at(manifest, pointer), labels, "{}", manifest["kind"]);
    }
    for (name, pod) in pods() {
        assert_eq!(at(&pod, "/metadata/labels"), labels, "{name} is under the network policy");
    }
    let service = manifest("watch/service.yaml");
    assert_eq!(at(&service, "/spec/ports/0/targetPort"), "http");
    assert_eq!(at(&service, "/spec/publishNotReadyAddresses"), true);
    let monitor = manifest("watch/podmonitor.yaml");
    assert_eq!(at(&monitor, "/spec/podMetricsEndpoints/0/port"), "http");
    assert_eq!(at(&monitor, "/spec/podMetricsEndpoints/0/path"), "/metrics");
    let network = manifest("config/networkpolicy.yaml");
    assert_eq!(at(&network, "/spec/policyTypes"), &json!(["Ingress", "Egress"]));
    assert_eq!(at(&network, "/spec/ingress/0/ports/0/port"), port);
    assert!(at(&network, "/spec/ingress/0/from/0/namespaceSelector").is_object(), "not everybody");
}

#[test]
fn kustomizations_name_every_file_and_every_manifest_is_whole() {
    for dir in ["config", "watch", "cronjob"] {
        let kustomization = manifest(&format!("{dir}/kustomization.yaml"));
        assert_eq!(kustomization["kind"], "Kustomization");
        let resources = texts(&kustomization["resources"]);
        for resource in &resources {
            assert!(path(DIR).join(dir).join(resource).exists(), "{dir}: {resource}");
        }
        let generated: Vec<String> = kustomization["configMapGenerator"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|generator| texts(&generator["files"]))
            .collect();
        for name in listed(&format!("{DIR}/{dir}")) {
            let known = name == "kustomization.yaml"
                || resources.contains(&name)
                || generated.iter().any(|file| file.split('/').next() == Some(&name));
            assert!(known, "{dir}/{name} is in no list");
        }
        assert!(dir == "config" || resources.contains(&"../config".to_owned()));
        for resource in resources.iter().filter(|name| name.ends_with(".yaml")) {
            let manifest = manifest(&format!("{dir}/{resource}"));
            for of in ["/apiVersion", "/kind", "/metadata/name"] {
                assert!(at(&manifest, of).is_string(), "{dir}/{resource}");
            }
            assert_eq!(kustomization["namespace"], "portcullis");
        }
    }
    assert_eq!(at(&manifest("journal.yaml"), "/metadata/namespace"), "portcullis");
    let config = manifest("config/kustomization.yaml");
    assert_eq!(at(&config, "/generatorOptions/disableNameSuffixHash"), true, "else a change starts another pod");
}

#[test]
fn what_a_kubelet_mounts_is_a_valid_set_up() {
    let kustomization = manifest("config/kustomization.yaml");
    let node = tempfile::tempdir().unwrap();
    for generator in kustomization["configMapGenerator"].as_array().unwrap() {
        let name = generator["name"].as_str().unwrap();
        let files: Vec<(String, String)> = texts(&generator["files"])
            .into_iter()
            .map(|file| (file.rsplit('/').next().unwrap().to_owned(), text(&format!("{DIR}/config/{file}"))))
            .collect();
        mount(&node.path().join(name), "..2026_11_21_10_00_00.1", &files);
    }
    let deployment = manifest("watch/deployment.yaml");
    for volume in ["config", "policies"] {
        let volumes = at(&deployment, "/spec/template/spec/volumes").as_array().unwrap();
        let found = volumes.iter().find(|known| known["name"] == volume).unwrap();
        assert!(node.path().join(found["configMap"]["name"].as_str().unwrap()).is_dir(), "{volume}");
    }
    valid(&node.path().join("portcullis-config/portcullis.yaml"), &node.path().join("portcullis-policies"));
}

/// A volume as a kubelet lays it: the files in a directory with a date, `..data` a link to it, each file a link below that.
fn mount(at: &Path, dated: &str, files: &[(String, String)]) {
    fs::create_dir_all(at.join(dated)).unwrap();
    symlink(dated, at.join("..data")).unwrap();
    for (name, text) in files {
        let file = at.join(dated).join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(Path::new("..data").join(name), at.join(name)).unwrap();
    }
}
