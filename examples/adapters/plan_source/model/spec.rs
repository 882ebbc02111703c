//! A model, as people name it.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use super::api::Api;
use super::chat::ModelError;
use super::endpoint::{Endpoint, EndpointError};
use super::http::HttpModel;

/// The key for a server at a URL of your own. The keys of OpenAI and Anthropic go to them alone.
const OWN_KEY_VARIABLE: &str = "FIX_MODEL_API_KEY";
/// Longest name of a model, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A model by name: `ollama:qwen2.5-coder:7b`, `openai:gpt-4.1`, `anthropic:claude-sonnet-4-5`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ModelSpec {
    api: Api,
    model: String,
}

/// Why a model can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The name says no API, or no model.
    #[error("{given:?} is no model; name one as API:MODEL, with the API {}", known())]
    Name {
        /// What was given.
        given: String,
    },
    /// The URL can't be used.
    #[error(transparent)]
    Url(#[from] EndpointError),
    /// There is no key.
    #[error("{api} needs a key: set {variable}")]
    NoKey {
        /// The API.
        api: Api,
        /// Where the key is looked for.
        variable: &'static str,
    },
    /// There is no client for it.
    #[error("no client can be made")]
    Client(#[source] fix_pipeline::AdapterError),
}

impl ModelSpec {
    /// The client for it, at `url` or at the API's own. Keys are `variable`s of the environment: that
    /// of the API for its own URL, `FIX_MODEL_API_KEY` for yours, where it is set.
    ///
    /// # Errors
    /// [`SpecError`] when the URL can't be used, or a key is missing.
    pub fn connect(
        &self,
        url: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<HttpModel, SpecError> {
        let key = |name: &str| {
            let value = variable(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| SecretString::from(value))
        };
        let api = self.api;
        let endpoint = match (url, api.key_variable()) {
            (Some(url), _) => Endpoint::new(url, key(OWN_KEY_VARIABLE))?,
            (None, None) => Endpoint::new(api.default_url(), None)?,
            (None, Some(variable)) => {
                let key = key(variable).ok_or(SpecError::NoKey { api, variable })?;
                Endpoint::new(api.default_url(), Some(key))?
            }
        };
        HttpModel::new(api, &self.model, endpoint).map_err(|ModelError { error, .. }| SpecError::Client(error))
    }
}

impl FromStr for ModelSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let no_model = || SpecError::Name { given: text.chars().take(NAME_BYTES_MAX).collect() };
        let (api, model) = text.split_once(':').ok_or_else(no_model)?;
        let api = Api::ALL.into_iter().find(|known| known.name() == api).ok_or_else(no_model)?;
        let printable = model.chars().all(|c| !c.is_control() && !c.is_whitespace());
        if model.is_empty() || model.len() > NAME_BYTES_MAX || !printable {
            return Err(no_model());
        }
        Ok(Self { api, model: model.to_owned() })
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.api, self.model)
    }
}

fn known() -> String {
    Api::ALL.map(Api::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(spec: &str, url: Option<&str>, variables: &[(&str, &str)]) -> Result<HttpModel, SpecError> {
        let variable = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
        spec.parse::<ModelSpec>().unwrap().connect(url, variable)
    }

    #[test]
    fn a_name_is_an_api_and_a_model() {
        let spec: ModelSpec = "ollama:qwen2.5-coder:7b".parse().unwrap();
        assert_eq!((spec.api, spec.model.as_str()), (Api::Ollama, "qwen2.5-coder:7b"));
        assert_eq!(spec.to_string(), "ollama:qwen2.5-coder:7b");
        for text in ["", "gpt-4.1", "openai:", "gemini:x", "openai:a b", "openai:a\n"] {
            assert!(matches!(text.parse::<ModelSpec>(), Err(SpecError::Name { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_key_goes_to_its_owner_alone() {
        let keys = [("OPENAI_API_KEY", "sk-of-openai"), ("FIX_MODEL_API_KEY", "of-mine")];
        assert!(connect("openai:gpt", None, &keys).is_ok());
        assert!(connect("ollama:x", None, &[]).is_ok());
        let missing = connect("anthropic:claude", None, &keys).unwrap_err();
        assert_eq!(missing.to_string(), "anthropic needs a key: set ANTHROPIC_API_KEY");
        assert!(matches!(connect("openai:gpt", None, &[("OPENAI_API_KEY", " \n")]), Err(SpecError::NoKey { .. })));

        // OpenAI's key in the clear would be an error; here there is no key at all.
        assert!(connect("openai:gpt", Some("http://models.example"), &keys[..1]).is_ok());
        let own = connect("openai:gpt", Some("http://models.example"), &keys).unwrap_err();
        assert!(matches!(own, SpecError::Url(EndpointError::KeyInTheClear)));
    }
}
