//! The modules depend on each other in one direction.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. A module uses its own layer and those before it. `time` is made of `sys`' clock, and
/// `sys`' futex takes its deadlines, so the two are one layer.
const LAYERS: [&[&str]; 6] =
    [&["primitive"], &["sys", "time"], &["park"], &["sync"], &["thread"], &["timer"]];

/// What puts the layers together, and is used by none of them.
const TOP: [&str; 2] = ["lib", "fork"];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    files
}

/// The modules that a source names after `crate::`, with their lines.
fn uses(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (at, prefix) in code.match_indices("crate::") {
            // Macros write `$crate::`, which is another crate's path.
            if code[..at].ends_with('$') {
                continue;
            }
            let path = &code[at + prefix.len()..];
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
            // For `crate::{a, b}` that is an empty name, which has no layer: one `use` for each.
            found.push((index + 1, path[..end.unwrap_or(path.len())].to_owned()));
        }
    }
    found
}

/// The arrows of one file that point back or nowhere.
fn arrows_back(module: &str, source: &str) -> Vec<String> {
    let layer = layer_of(module).expect("each module has a layer");
    // What the crate's root re-exports has no layer: it could come from any.
    let points_back = |used: &str| layer_of(used).is_none_or(|used| used > layer);
    let arrows = uses(source).into_iter().filter(|(_, used)| points_back(used));
    arrows.map(|(line, used)| format!("line {line}: {module} → {used}")).collect()
}

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        if TOP.contains(&&*module) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let arrows = arrows_back(&module, &source);
        wrong.extend(arrows.iter().map(|arrow| format!("{}: {arrow}", relative.display())));
        seen.push(module);
    }
    assert!(wrong.is_empty(), "dependencies point back:\n{}", wrong.join("\n"));
    // The test looks at what is there: each layer has been seen.
    for module in LAYERS.concat() {
        assert!(seen.contains(&module.to_owned()), "there is no module {module}");
    }
}

#[test]
fn an_arrow_that_points_back_is_found() {
    assert!(arrows_back("sync", "use crate::park::WaitQueue;\nuse crate::sync::Lock;").is_empty());
    assert_eq!(arrows_back("park", "\nuse crate::sync::Event;"), ["line 2: park → sync"]);
    assert_eq!(arrows_back("sys", "let id = crate::park::id();"), ["line 1: sys → park"]);
    assert_eq!(arrows_back("sync", "use crate::Thread;"), ["line 1: sync → Thread"]);
    assert!(arrows_back("park", "/// See `crate::thread`.").is_empty());
}
