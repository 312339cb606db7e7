//! What can be read off the sources: the modules depend on each other in one direction, each test has
//! a time limit, `SAFETY.md` lists the files with unsafe code, and the extension has no locks.

use std::collections::BTreeSet;
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

/// Test files that need no [`time_limit`](common::time_limit): this one waits for nothing, and the
/// stress tests, which may be told to go on for long, watch their threads themselves.
const WITHOUT_TIME_LIMIT: [&str; 2] = ["layers.rs", "stress.rs"];

/// The tests of a file that do not begin with their time limit.
fn unlimited(source: &str) -> Vec<&str> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let tests = (0..lines.len()).filter(|&index| lines[index] == "#[test]");
    let heads = tests.filter_map(|test| (test..lines.len()).find(|&at| lines[at].ends_with('{')));
    let open = heads.filter(|&head| lines.get(head + 1) != Some(&"let _limit = time_limit();"));
    open.map(|head| lines[head]).collect()
}

#[test]
fn each_test_has_a_time_limit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut wrong = Vec::new();
    let mut tests = 0;
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".rs") || WITHOUT_TIME_LIMIT.contains(&&*name) {
            continue;
        }
        let source = fs::read_to_string(entry.path()).unwrap();
        tests += source.matches("#[test]").count();
        wrong.extend(unlimited(&source).iter().map(|head| format!("{name}: {head}")));
    }
    assert!(wrong.is_empty(), "these have no time limit:\n{}", wrong.join("\n"));
    assert!(tests > 100, "only {tests} tests were seen");
}

#[test]
fn a_test_without_a_time_limit_is_found() {
    let limited = "#[test]\nfn a() {\n    let _limit = time_limit();\n}";
    assert!(unlimited(limited).is_empty());
    assert!(unlimited("fn helper() {\n}").is_empty());
    assert_eq!(unlimited("#[test]\nfn a() {\n}"), ["fn a() {"]);
    assert_eq!(unlimited("#[test]\n#[ignore]\nfn a() {\n    b();\n}"), ["fn a() {"]);
    assert_eq!(unlimited(&format!("#[test]\nfn b() {{\n}}\n{limited}")), ["fn b() {"]);
}

/// The crates that `SAFETY.md` has a table for, by their directories' names.
const CRATES: [&str; 2] = ["threadwell", "threadwell-python"];

/// The files that the table of a crate begins its rows with.
fn safety_rows(page: &str, name: &str) -> BTreeSet<String> {
    let heading = format!("## `crates/{name}`");
    let section = page.lines().skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let modules = section.filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    modules.flat_map(|cell| cell.split(", ")).map(|file| file.replace('`', "")).collect()
}

/// Whether the word is in a file's code: `unsafe` is another than the name of its lint.
fn has_word(source: &str, word: &str) -> bool {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(|it| it == word)
}

/// The files below `directory` whose code has the word, as they are called there.
fn files_with(directory: &Path, word: &str) -> BTreeSet<String> {
    let files = sources(directory).into_iter();
    let files = files.filter(|path| has_word(&fs::read_to_string(path).unwrap(), word));
    files.map(|path| path.strip_prefix(directory).unwrap().display().to_string()).collect()
}

#[test]
fn the_files_with_unsafe_code_are_those_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("SAFETY.md")).unwrap();
    for name in CRATES {
        let unsafe_files = files_with(&root.join("crates").join(name).join("src"), "unsafe");
        assert_eq!(safety_rows(&page, name), unsafe_files, "in SAFETY.md, and in {name}");
    }
}

/// Deny unsafe code where it is not expected, and have each block of it hold one operation and say why
/// it may. That none is missing is for clippy to say.
const LINTS: [&str; 4] = [
    "unsafe_code",
    "unsafe_op_in_unsafe_fn",
    "multiple_unsafe_ops_per_block",
    "undocumented_unsafe_blocks",
];

#[test]
fn the_lints_on_unsafe_code_are_lifted_only_where_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for lint in LINTS {
        let level = manifest.lines().find_map(|line| line.strip_prefix(&format!("{lint} = ")));
        assert!(matches!(level, Some("\"deny\"" | "\"warn\"")), "{lint} is {level:?}");
    }
    let page = fs::read_to_string(root.join("SAFETY.md")).unwrap();
    for name in CRATES {
        let directory = root.join("crates").join(name);
        let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{name} has lints of its own");
        let rows = safety_rows(&page, name);
        let lifted = files_with(&directory.join("src"), LINTS[0]);
        let elsewhere: Vec<_> = lifted.difference(&rows).collect();
        assert!(elsewhere.is_empty(), "not in SAFETY.md, {name}: {elsewhere:?}");
        for lint in &LINTS[1..] {
            let lifted = files_with(&directory, lint);
            // This test names them.
            assert!(lifted.iter().all(|file| file == "tests/layers.rs"), "{lint}: {lifted:?}");
        }
    }
}

#[test]
fn unsafe_code_and_its_rows_are_found() {
    assert!(has_word("let id = unsafe { id() };", "unsafe"));
    assert!(has_word("unsafe impl Send for Queue {}", "unsafe"));
    let safe = "#![deny(unsafe_code)] // Nothing unsafe here.\n/// Not `unsafe`.";
    assert!(!has_word(safe, "unsafe") && has_word(safe, "unsafe_code"));
    let page = "## `crates/a`\n\n| Module | Why |\n|---|---|\n| `b.rs`, `c/d.rs` | `e` |\n## `crates/f`\n| `g.rs` | |";
    assert_eq!(safety_rows(page, "a"), ["b.rs", "c/d.rs"].map(String::from).into());
    assert_eq!(safety_rows(page, "f"), ["g.rs"].map(String::from).into());
}

/// What in the extension excludes others for as long as its owner likes. The package, whose `with` blocks
/// destructors and signal handlers can come into, has none either.
const EXCLUSIVE: [&str; 3] = ["Mutex", "RwLock", "ReentrantLock"];

/// It copies pointers under a mutex, and calls nothing meanwhile.
const MAY_EXCLUDE: [&str; 1] = ["slots/values.rs"];

/// Whether a source names something that excludes others.
fn excludes(source: &str) -> bool {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(|word| EXCLUSIVE.contains(&word))
}

#[test]
fn the_extension_holds_no_lock_that_python_code_could_meet() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../threadwell-python/src");
    let files = sources(&directory).into_iter();
    let files = files.filter(|path| excludes(&fs::read_to_string(path).unwrap()));
    let names = files.map(|path| path.strip_prefix(&directory).unwrap().display().to_string());
    assert_eq!(names.collect::<Vec<_>>(), MAY_EXCLUDE);
}

/// The lines of a module of the package that hold one of its own locks for a block.
fn with_blocks(source: &str) -> Vec<&str> {
    let lines = source.lines().map(str::trim);
    lines.filter(|line| line.starts_with("with ") && line.contains("_lock")).collect()
}

#[test]
fn the_package_holds_no_lock_for_a_block_of_python_code() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/threadwell");
    // Its locks are the program's: the module without threads, and the iterators that take turns.
    let modules =
        ["__init__.py", "_threads.py", "_timer.py", "_lifetime.py", "_hooks.py", "patch.py"];
    for module in modules {
        let source = fs::read_to_string(directory.join(module)).unwrap();
        assert_eq!(with_blocks(&source), [""; 0], "in {module}");
    }
}

#[test]
fn locks_are_found() {
    assert!(excludes("static TABLE: Mutex<u8> = Mutex::new(0);"));
    assert!(!excludes("use threadwell::Lock; // Not a Mutex."));
    assert_eq!(with_blocks("def f():\n    with _module._lock:\n"), ["with _module._lock:"]);
    assert!(with_blocks("with open(path) as file:").is_empty());
}
