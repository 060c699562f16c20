import LachesisModel
import Testing

@testable import LachesisAPI

@Suite struct RowFormatTests {
    @Test(arguments: [
        ([], RowFormat.json), (["*/*"], .json), (["text/html, */*;q=0.1"], .json), (["text/csv"], .csv),
        (["TEXT/CSV; header=present"], .csv), (["application/msgpack"], .msgpack),
        (["application/x-msgpack"], .msgpack),
        (["application/json, text/csv;q=0.9"], .json), (["application/json;q=0.1", "text/csv; q=0.9"], .csv),
        (["text/csv;q=0"], .json), ([",;,q=,"], .json),
    ])
    func acceptChoosesTheFormat(fields: [String], format: RowFormat) {
        #expect(RowFormat(accept: fields) == format)
    }

    private func written(_ format: RowFormat) -> String {
        var encoder = format.encoder()
        encoder.begin([
            RowColumn(name: "a,\"b\"", type: .text, unit: nil), RowColumn(name: "n", type: .float, unit: "V"),
        ])
        encoder.append([.text("x\"y\r\nz"), .real(0.1)])
        var text = String(decoding: encoder.drain(), as: UTF8.self)
        encoder.append([.text(""), .integer(-3)])
        encoder.append([.null, .null])
        encoder.end()
        text += String(decoding: encoder.drain(), as: UTF8.self)
        return text
    }

    @Test func aColumnThatIsAloneHasNoEmptyLines() {
        var encoder = RowFormat.csv.encoder()
        encoder.begin([RowColumn(name: "n", type: .float, unit: nil)])
        for value in [Value.null, .real(1), .text(""), .null] { encoder.append([value]) }
        encoder.end()
        #expect(String(decoding: encoder.drain(), as: UTF8.self) == "n\r\n\"\"\r\n1.0\r\n\"\"\r\n\"\"\r\n")
    }

    @Test func rowsAreWrittenInEachFormat() {
        #expect(
            written(.json) == #"[{"a,\"b\"":"x\"y\u000d\nz","n":0.1},{"a,\"b\"":"","n":-3},{"a,\"b\"":null,"n":null}]"#)
        #expect(
            written(.table)
                == #"{"columns":[{"name":"a,\"b\"","type":"VARCHAR","unit":null},{"name":"n","type":"FLOAT","unit":"V"}],"#
                + #""rows":[["x\"y\u000d\nz",0.1],["",-3],[null,null]]}"#)
        #expect(written(.csv) == "\"a,\"\"b\"\"\",n\r\n\"x\"\"y\r\nz\",0.1\r\n\"\",-3\r\n,\r\n")
    }
}
