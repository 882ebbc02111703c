//! What the default policy forbids, and what it leaves alone.

use fix_policy::PolicyEngine;

fn wrong(paths: &str, expected: bool) -> Vec<&str> {
    let engine = PolicyEngine::default();
    let is_allowed = |path: &str| {
        let diff = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        engine.evaluate_patch(diff.as_bytes()).allowed
    };
    paths.split_ascii_whitespace().filter(|path| is_allowed(path) != expected).collect()
}

#[test]
fn ordinary_sources_are_left_alone() {
    let paths = "
        src/secrets.py google/auth/credentials.py src/credentials/__init__.py src/kubernetes/client.py
        airflow/providers/cncf/kubernetes/pod.py lib/ansible/module.py checkov/terraform/runner.py app/helm/x.py
        src/owners/models.py src/jenkinsfile_parser.py src/id_rsa_test.py src/environment.py src/charts/plot.py
        src/pipelines/azure.py docs/infra.md infrastructure/x.py src/infra.py src/pem.py src/keys.py src/secrets/__init__.py
        README.md data/words.txt src/continue.py tests/test_setup.py src/makefile.py src/agents/base.py";
    assert_eq!(wrong(paths, true), [] as [&str; 0]);
}

#[test]
fn what_runs_decides_or_hides_is_forbidden() {
    let paths = "
        fix-policy.toml
        .travis.yaml .drone.yaml .drone.star .woodpecker.yaml .appveyor.yaml bitbucket-pipelines.yaml buildspec.yaml buildspec-x.yml
        .azuredevops/x.yml azure-pipelines/x.yml circle.yml wercker.yml .zuul.yaml codefresh.yml bamboo-specs/bamboo.yml .vela.yml
        .harness/x.yaml .mergify.yml .codecov.yml Jenkinsfile.release jenkinsfile
        lefthook.yaml .lefthook.yml .pre-commit-hooks.yaml .hg/hgrc
        .pgpass .my.cnf .boto .s3cfg prod.env x.p8 x.ppk x.der x.keytab kubeconfig .dockercfg secret.yaml secrets/prod.yaml
        client_secret.json serviceAccountKey.json .vault_pass authorized_keys .flaskenv keys/id_rsa id_ed25519.pub a/credentials.json
        setup.cfg pytest.ini tox.toml hatch_build.py pdm.toml poetry.toml .pydistutils.cfg justfile GNUmakefile Taskfile.yml
        .tool-versions mise.toml .pdm.toml hatch.toml pixi.toml environment.yml pylock.toml pylock.dev.toml uv.lock poetry.lock
        pdm.lock Pipfile.lock
        CLAUDE.local.md AGENT.md AGENTS.override.md .gemini/x .roo/x .junie/x .kiro/x .amazonq/x .continue/x .goosehints
        .augment/x .openhands/x .agents/x SKILL.md skills/x/SKILL.md mcp.json .zed/settings.json .devcontainer.json .gitpod.yml x.code-workspace
        x.tf.json x.tfvars.json x.tofu terragrunt.hcl .terraform.lock.hcl charts/x/values.yaml kustomization.yaml Pulumi.yaml cdk.json
        serverless.yml cloudformation/x.yaml x.bicep infra/main.py a/infra/main.tf deploy/k8s/x.yaml a/helm/x/templates/y.tpl";
    assert_eq!(wrong(paths, false), [] as [&str; 0]);
}
