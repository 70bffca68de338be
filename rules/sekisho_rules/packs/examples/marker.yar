/* EXAMPLE: an invented marker that no real file holds. Copy this file to begin a rule of your own. */
rule sekisho_example_marker
{
    meta:
        name = "EXAMPLE: marker text"
        source = "examples"
        reference = "https://www.rfc-editor.org/rfc/rfc2606"
        tlp = "TLP:CLEAR"
        confidence = 90
        severity = "targeted"
        valid_from = "2026-01-01T00:00:00+00:00"
        modified = "2026-01-01T00:00:00+00:00"

    strings:
        $marker = "SEKISHO-EXAMPLE-YARA-MARKER-7c1d"

    condition:
        $marker
}
