//! What preparing made, on its way out of a container and into another one.
//!
//! This process never looks into such an archive: a container packs it, and a container unpacks it.

use super::ContainerOptions;
use super::spec::make_environment;
use crate::validator::environments;
use crate::validator::recipe::Recipe;

/// Prints everything in the work directory but the tree. By Python of the image, for there may be no `tar` in it, and
/// none that preparing may have put first on the path.
pub(super) const PACK: &str = r#"PATH=/usr/local/bin:/usr/bin:/bin; exec python3 -I -S -c '
import os, sys, tarfile
os.chdir("/work")
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
    for name in sorted(os.listdir(".")):
        if name != "tree":
            archive.add(name)
' 2>/dev/null"#;

/// Reads such an archive, of so many bytes, and lays it out.
pub(super) fn unpack(bytes: u64) -> String {
    const UNPACK: &str = r#"PATH=/usr/local/bin:/usr/bin:/bin; exec python3 -I -S -c '
import os, sys, tarfile
class Input:
    left = int(sys.argv[1])
    def read(self, size):
        piece = os.read(0, min(size, self.left))
        self.left -= len(piece)
        return piece
input = Input()
with tarfile.open(fileobj=input, mode="r|") as archive:
    # Links to the system are part of an environment. What else they reach, every command here does, too.
    archive.extraction_filter = lambda member, path: member
    archive.extractall("/work")
while input.read(1 << 16):
    pass
sys.exit(input.left != 0)
' "#;
    format!("{UNPACK}{bytes}")
}

/// The key of the environment that `recipe` makes in `image`, when it reads `inputs`.
pub(super) fn key(options: &ContainerOptions, image: &str, recipe: &Recipe, inputs: &[String]) -> String {
    let network = options.prepare_network.as_deref();
    let mut parts = vec!["container 1".to_owned(), image.to_owned()];
    parts.push(make_environment(options, !recipe.prepare.is_empty()));
    parts.push(network.map_or_else(|| "no network".to_owned(), |name| format!("network {name}")));
    let variables: Vec<_> = options.prepare_environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for list in [&variables, recipe.prepare.as_slice(), inputs] {
        parts.push(list.len().to_string());
        parts.extend(list.iter().cloned());
    }
    environments::key(parts.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another image, network, index, environment, command or input is another environment.
    #[test]
    fn whatever_preparing_depends_on_is_in_the_key() {
        let recipe = |command: &str| Recipe { prepare: vec![command.to_owned()], check: Vec::new() };
        let plain = ContainerOptions::new("python:3.12");
        let mut others = vec![plain.clone(); 3];
        others[0].prepare_network = None;
        others[1].image_packages = true;
        others[2].prepare_environment = vec![("PIP_INDEX_URL".to_owned(), "https://index.invalid".to_owned())];
        let of = |options: &ContainerOptions| key(options, "sha256:1", &recipe("a"), &["b".to_owned()]);
        let mut keys: Vec<_> = others.iter().map(of).collect();
        keys.push(key(&plain, "sha256:2", &recipe("a"), &["b".to_owned()]));
        keys.push(key(&plain, "sha256:1", &recipe("c"), &["b".to_owned()]));
        keys.push(key(&plain, "sha256:1", &recipe("a"), &["c".to_owned()]));
        assert!(!keys.contains(&of(&plain)));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 6);
        // What it is called does not matter, nor how it is bounded.
        let mut same = ContainerOptions::new("python:3.12-slim");
        same.limits.disk_bytes += 1;
        assert_eq!(of(&same), of(&plain));
    }
}
