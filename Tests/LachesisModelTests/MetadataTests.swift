import LachesisModel
import TestSupport
import Testing

@Suite struct MetadataTests {
    static let full = #"""
        {"name": "cell-1", "comments": "ä\u00e4\ud83d\ude00", "version": "0.4.6", "is_measurement": true,
         "test_protocol": {"cycler": "Arbin", "start_date": "2024-02-29", "set_temperature": 25.5, "schedule": "a.sdu"},
         "battery": {"manufacturer": "m", "design": "d", "layer_count": 12, "form_factor": "cylindrical", "mass": 0.045,
                     "dimensions": "18650", "nominal_capacity": 2.5,
                     "anode": {"name": "graphite", "supplier": "s", "product": "p", "thickness": 50, "porosity": 30},
                     "cathode": {"name": "NMC", "area": 0, "loading": 1e2, "porosity": 100},
                     "electrolyte": {"name": "LP30", "additives": [{"name": "VC", "amount": 2, "units": 1}]}},
         "modeling": {"name": "PyBaMM", "version": null, "type": "physics", "references": ["https://doi.org/10.1/x"],
                      "models": ["DFN"], "simulation_type": "t"},
         "source": "lab", "dataset_name": "set", "authors": [["A B", "Lab"]], "associated_ids": ["doi:10.1/2"],
         "lab_notes": {"anything": [1, 2.5, null, {"name": 5}]}}
        """#

    @Test func aFullDocumentIsAcceptedAndKeptAsItWasSent() throws {
        let document = try MetadataDocument.parse(Array(Self.full.utf8))
        #expect(document.name == "cell-1")
        #expect(document.json == Self.full)
    }

    @Test(arguments: ["{}", #"{"name": null}"#, #"{"extra": {"name": "x"}}"#])
    func aDocumentMayLackAName(document: String) throws {
        #expect(try MetadataDocument.parse(Array(document.utf8)).name == nil)
    }

    @Test func theLastOfEqualKeysCounts() throws {
        #expect(try MetadataDocument.parse(Array(#"{"name": 1, "n\u0061me": "b"}"#.utf8)).name == "b")
        #expect(try faults(of: #"{"name": "a", "name": 1}"#) == ["body.name string_type"])
    }

    @Test func whatIsNoObjectIsRefused() throws {
        for document in ["[1]", "null", "5", "\"{}\"", "true"] {
            #expect(try faults(of: document) == ["body model_type"], "\(document)")
        }
    }

    @Test func everyFaultIsListedInTheOrderOfTheSchema() throws {
        let document = #"""
            {"modeling": {"type": "magic"}, "authors": [["a"], ["a", "b", "c"], "ab", [1, "b"]],
             "battery": {"layer_count": "many", "anode": {"porosity": 101, "name": null}}, "name": 5}
            """#
        #expect(
            try faults(of: document) == [
                "body.name string_type", "body.battery.layer_count int_parsing",
                "body.battery.anode.name string_type", "body.battery.anode.porosity less_than_equal",
                "body.modeling.name missing", "body.modeling.version missing", "body.modeling.type enum",
                "body.authors.0.1 missing", "body.authors.1 too_long", "body.authors.2 tuple_type",
                "body.authors.3.0 string_type",
            ])
    }

    @Test func aFaultSaysWhatIsExpected() throws {
        do {
            _ = try MetadataDocument.parse(Array(#"{"battery": {"layer_count": "many"}}"#.utf8))
            Issue.record("accepted")
        } catch {
            let json = #"""
                [{"loc":["body","battery","layer_count"],"msg":"Input should be a valid integer, unable to parse string as \#
                an integer","type":"int_parsing"}]
                """#
            #expect(String(decoding: error.json, as: UTF8.self) == json)
        }
    }

    /// A field, JSON values that it accepts, and values that it refuses with the fault's type.
    static let fields: [(field: String, accepted: [String], refused: [(json: String, type: String)])] = [
        ("comments", ["null", "\"\""], [("1", "string_type"), ("[]", "string_type")]),
        ("version", ["\"1\""], [("null", "string_type")]),
        (
            "is_measurement", ["true", "0", "1.0", "\"YES\"", "\"off\"", "\"t\""],
            [
                ("2", "bool_parsing"), ("\"maybe\"", "bool_parsing"), ("2.0", "bool_parsing"), ("0.5", "bool_type"),
                ("null", "bool_type"), ("99999999999999999999", "bool_type"),
            ]
        ),
        (
            "battery.layer_count",
            ["null", "2", "2.0", "2e0", "\"12\"", "\" +1_2.00 \"", "123456789012345678901234567890"],
            [
                ("1", "greater_than"), ("true", "greater_than"), ("-123456789012345678901234567890", "greater_than"),
                ("2.5", "int_from_float"), ("\"2.5\"", "int_parsing"), ("\"1e3\"", "int_parsing"),
                ("\"1__2\"", "int_parsing"), ("\"\"", "int_parsing"), ("\"٣\"", "int_parsing"),
                ("1e30", "int_parsing_size"), ("1e999", "finite_number"), ("[]", "int_type"),
            ]
        ),
        (
            "battery.mass", ["-1", "1.5", "true", "1e999", "\" 1.5\"", "\"1_0.5e1\"", "\"-inf\"", "\"NaN\"", "\".5\""],
            [
                ("\"heavy\"", "float_parsing"), ("\"0x10\"", "float_parsing"), ("\"1e\"", "float_parsing"),
                ("\"infi\"", "float_parsing"), ("{}", "float_type"),
            ]
        ),
        (
            "battery.anode", [#"{"name": "", "thickness": -0.0, "porosity": "100"}"#],
            [(#"{"name": "", "porosity": 100.1}"#, "less_than_equal"), ("[]", "model_type"), ("{}", "missing")]
        ),
        (
            "battery.electrolyte", [#"{"name": ""}"#, #"{"name": "", "additives": []}"#],
            [
                (#"{"name": "", "additives": null}"#, "list_type"), (#"{"name": "", "additives": [1]}"#, "model_type"),
            ]
        ),
        (
            "test_protocol.start_date",
            [
                "\"2000-02-29\"", "\"2024-01-01T00:00\"", "\"2024-01-01 00:00:00.000+05:30\"",
                "\"2024-01-01t00:00:00Z\"",
                "86400", "-86400.0", "\"1704067200000\"", "null",
            ],
            [
                ("\"1900-02-29\"", "date_from_datetime_parsing"), ("\"2024-1-1\"", "date_from_datetime_parsing"),
                ("\"2024-13-01\"", "date_from_datetime_parsing"), ("\"yesterday\"", "date_from_datetime_parsing"),
                ("\"2024-01-01T00:00+24:00\"", "date_from_datetime_parsing"), ("1e300", "date_from_datetime_parsing"),
                ("\"2024-01-01T00:00:01\"", "date_from_datetime_inexact"), ("86401", "date_from_datetime_inexact"),
                ("\"0000-01-01\"", "date_parsing"), ("true", "date_type"), ("99999999999999999999", "date_type"),
            ]
        ),
        (
            "associated_ids",
            [
                "[]", "null",
                #"["https://doi.org/10.1/x", "doi:10.1/x", "mailto:a@b", "HTTP:\\a", "http://[::1]:80/"]"#,
                #"["file:///a", "http://ä.de", " http://1.2.3.4?q ", "x://", "http://a%41:", "urn:"]"#,
            ],
            [
                (#"["10.1/x"]"#, "url_parsing"), (#"[""]"#, "url_parsing"), (#"["http://"]"#, "url_parsing"),
                (#"["http://u@"]"#, "url_parsing"), (#"["http://a:65536"]"#, "url_parsing"),
                (#"["http://a b"]"#, "url_parsing"), (#"["http://[::g]"]"#, "url_parsing"),
                (#"["http://1.2.3.256"]"#, "url_parsing"), (#"["x://a:b"]"#, "url_parsing"), ("[1]", "url_type"),
                (#""doi:10.1/x""#, "list_type"),
            ]
        ),
        ("modeling", ["null"], [(#"{"name": "", "version": "", "type": "Physics"}"#, "enum")]),
    ]

    @Test(arguments: fields.indices)
    func aFieldAcceptsWhatPydanticConvertsAndRefusesTheRest(index: Int) throws {
        let (field, accepted, refused) = Self.fields[index]
        let keys = field.split(separator: ".")
        func document(_ value: String) -> String { keys.reversed().reduce(value) { "{\"\($1)\": \($0)}" } }
        for value in accepted { #expect(try faults(of: document(value)) == [], "\(field): \(value)") }
        for (value, type) in refused {
            let found = try faults(of: document(value))
            #expect(found.count == 1, "\(field): \(value)")
            #expect(
                found.first?.hasPrefix("body.\(field)") == true && found.first?.hasSuffix(" \(type)") == true,
                "\(found)")
        }
    }

    @Test func mutatedDocumentsNeitherCrashNorHang() throws {
        var generator = SeededGenerator(seed: 7)
        let structural = Array("{}[]\",:\\u0e-.tfn \u{0}".utf8)
        for _ in 0..<200 {
            var bytes = Array(Self.full.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[position] = structural.randomElement(using: &generator) ?? 0
                case 2: bytes.remove(at: position)
                default: bytes.insert(contentsOf: bytes[position...].prefix(30), at: position)
                }
            }
            do {
                #expect(Array(try MetadataDocument.parse(bytes).json.utf8) == bytes)
            } catch {
                #expect(try !faults(of: bytes).isEmpty)
            }
        }
    }
}
