//! Every shader file belongs to a shader; every shader parses, validates and lays its params out
//! as Rust does. No GPU is needed here.

use std::path::{Path, PathBuf};

use super::dispatch::Shader;
use super::readback::PACK;
use crate::ops::SHADERS;
use crate::shader_text::shortened_text;

fn all_shaders() -> Vec<&'static Shader> {
    SHADERS.iter().copied().flatten().chain([&PACK]).collect()
}

fn parsed(shader: &Shader) -> naga::Module {
    let text = shader.text();
    naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|err| panic!("{}: {}", shader.label, err.emit_to_string(&text)))
}

#[test]
fn every_shader_validates_without_any_feature() {
    let shaders = all_shaders();
    assert!(shaders.len() > 50, "only {} found", shaders.len());
    for shader in shaders {
        // unpack2x16float is core WGSL; naga keeps a switch for it for older OpenGL.
        let core = naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), core);
        let outcome = validator.validate(&parsed(shader));
        outcome.unwrap_or_else(|err| panic!("{}: {err:?}", shader.label));
    }
}

#[test]
fn params_lie_alike_in_rust_and_wgsl() {
    for shader in all_shaders() {
        let module = parsed(shader);
        let found = module.types.iter().find_map(|(_, ty)| match &ty.inner {
            naga::TypeInner::Struct { members, .. }
                if ty.name.as_deref() == Some(shader.params) =>
            {
                Some(members.clone())
            }
            _ => None,
        });
        let members = found.unwrap_or_else(|| panic!("{}: no {}", shader.label, shader.params));
        let wgsl: Vec<_> = members
            .iter()
            .map(|member| (member.name.clone().unwrap_or_default(), member.offset as usize))
            .collect();
        let rust: Vec<_> =
            shader.fields.iter().map(|&(name, offset)| (name.to_owned(), offset)).collect();
        assert_eq!(wgsl, rust, "{}", shader.label);
        let binding = module.global_variables.iter().find_map(|(_, variable)| {
            let at_zero = naga::ResourceBinding { group: 0, binding: 0 };
            (variable.binding == Some(at_zero)).then_some(variable.space)
        });
        assert_eq!(binding, Some(naga::AddressSpace::Uniform), "{}", shader.label);
    }
}

#[test]
fn every_shader_file_is_part_of_a_shader_or_drawn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut folders) = (Vec::<PathBuf>::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "wgsl") {
                files.push(path);
            }
        }
    }
    files.retain(|file| !file.starts_with(root.join("draw")));
    assert!(files.len() > 25, "only {} shader files found", files.len());
    let shaders = all_shaders();
    for file in files {
        let text = shortened_text(&std::fs::read_to_string(&file).expect("readable"));
        let used = shaders.iter().any(|shader| shader.parts.contains(&text.as_str()));
        assert!(used, "{} is in no shader", file.display());
    }
}
