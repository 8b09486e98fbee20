//! What of a Label Studio labelling configuration matters here: where the text is, and what the labels are called.

use std::collections::HashMap;

use roxmltree::{Document, Node};

/// Names that people give to the types of entities, and those that models give.
const SYNONYMS: [(&str, &[&str]); 4] = [
    ("PER", &["person", "people", "name"]),
    ("LOC", &["location", "place"]),
    ("ORG", &["organization", "organisation", "company"]),
    ("MISC", &["miscellaneous", "other"]),
];

/// A text to label and the labels it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StudioConfig {
    /// Name of the `<Labels>` tag.
    pub(crate) from_name: String,
    /// Name of the `<Text>` tag.
    pub(crate) to_name: String,
    /// Where the text stands in a task's data.
    pub(crate) field: String,
    /// The labels of the configuration, and the types of the model that each says it stands for.
    labels: Vec<(String, Vec<String>)>,
}

impl StudioConfig {
    /// Reads a configuration; the message says what it lacks.
    pub(crate) fn parse(xml: &str) -> Result<Self, String> {
        let document = Document::parse(xml).map_err(|error| format!("not XML: {error}"))?;
        let texts: HashMap<&str, &str> = document
            .descendants()
            .filter(|node| is(node, "Text"))
            .filter_map(|node| Some((node.attribute("name")?, node.attribute("value")?)))
            .collect();
        for node in document.descendants().filter(|node| is(node, "Labels")) {
            let Some(from_name) = node.attribute("name") else {
                continue;
            };
            let targets = node.attribute("toName").unwrap_or_default().split(',');
            let target = targets
                .map(str::trim)
                .find_map(|name| texts.get_key_value(name));
            if let Some((to_name, value)) = target {
                return Ok(Self {
                    from_name: from_name.to_owned(),
                    to_name: (*to_name).to_owned(),
                    field: value.trim_start_matches('$').to_owned(),
                    labels: labels(node),
                });
            }
        }
        Err("expected a <Labels> with a toName that names a <Text> with a value".to_owned())
    }

    /// What the configuration calls the model's type `kind`; `None` when it has no label for it.
    ///
    /// A label that names the type in `predicted_values` comes first, then one of the same name in any case, then a usual
    /// synonym (PER and Person).
    pub(crate) fn label(&self, kind: &str) -> Option<&str> {
        let named = |name: &str| {
            let same = |(label, _): &&(String, Vec<String>)| label.eq_ignore_ascii_case(name);
            self.labels.iter().find(same)
        };
        let predicted =
            |(_, kinds): &&(String, Vec<String>)| kinds.iter().any(|known| known == kind);
        let synonym = || {
            let row = SYNONYMS.iter().find(|(short, long)| {
                short.eq_ignore_ascii_case(kind)
                    || long.iter().any(|name| name.eq_ignore_ascii_case(kind))
            })?;
            named(row.0).or_else(|| row.1.iter().find_map(|name| named(name)))
        };
        let found = self.labels.iter().find(predicted);
        let found = found.or_else(|| named(kind)).or_else(synonym);
        found.map(|(label, _)| label.as_str())
    }
}

fn is(node: &Node<'_, '_>, tag: &str) -> bool {
    node.tag_name().name().eq_ignore_ascii_case(tag)
}

fn labels(node: Node<'_, '_>) -> Vec<(String, Vec<String>)> {
    let label = |node: Node<'_, '_>| {
        let kinds = node.attribute("predicted_values").unwrap_or_default();
        let kinds = kinds.split(',').map(|kind| kind.trim().to_owned());
        Some((node.attribute("value")?.to_owned(), kinds.collect()))
    };
    let nodes = node.descendants().filter(|node| is(node, "Label"));
    nodes.filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"<View>
        <Header value="$title"/>
        <Labels name="label" toName="doc">
            <Label value="Person" background="red"/><Label value="loc"/>
            <Label value="Thing" predicted_values="MISC, EVENT"/>
        </Labels>
        <Text name="doc" value="$article"/>
    </View>"#;

    #[test]
    fn names_and_labels_are_found() {
        let config = StudioConfig::parse(CONFIG).unwrap();
        assert_eq!(
            (config.from_name.as_str(), config.to_name.as_str()),
            ("label", "doc")
        );
        assert_eq!(config.field, "article");
        let label = |kind| config.label(kind);
        assert_eq!(label("PER"), Some("Person"));
        assert_eq!(label("LOC"), Some("loc"));
        assert_eq!(label("EVENT"), Some("Thing"));
        assert_eq!(label("MISC"), Some("Thing"));
        assert_eq!(label("ORG"), None);
    }

    #[test]
    fn what_is_missing_is_said() {
        for (xml, expected) in [
            ("<View", "not XML"),
            ("<View><Text name='t' value='$text'/></View>", "<Labels>"),
            (
                "<View><Labels name='l' toName='x'/><Text name='t' value='$text'/></View>",
                "toName",
            ),
        ] {
            let message = StudioConfig::parse(xml).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
