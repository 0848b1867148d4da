//! How a section of djwsgi.toml is declared.

/// Declares a section: every key optional, `or` that names every field, so that a key forgotten in the
/// layering does not compile, and the list of its keys as they are written.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        pub struct $name { $($(#[$field_meta])* pub $field: Option<$type>,)* }

        impl $name {
            /// Lays `self` over `base`, key by key.
            pub(super) fn or(self, base: Self) -> Self {
                let Self { $($field,)* } = self;
                Self { $($field: $field.or(base.$field),)* }
            }

            fn keys() -> Vec<String> {
                [$(stringify!($field),)*].map(|field| field.replace('_', "-")).to_vec()
            }
        }
    };
}

pub(super) use section;
