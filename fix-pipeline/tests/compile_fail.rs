//! What must not compile: a way around the pipeline.

#[test]
fn nothing_but_the_pipeline_makes_a_validated_change() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
