/// One kind of fault in a document: pydantic's word for it, and a sentence that says what is expected.
struct MetadataFault: Error {
    let type: String
    let message: String

    private init(_ type: String, _ message: String) { (self.type, self.message) = (type, message) }

    static let missing = MetadataFault("missing", "Field required")
    static let notObject = MetadataFault("model_type", "Input should be an object")
    static let notList = MetadataFault("list_type", "Input should be a valid array")
    static let notTuple = MetadataFault("tuple_type", "Input should be a valid array")
    static let notText = MetadataFault("string_type", "Input should be a valid string")

    static let notBoolean = MetadataFault("bool_type", "Input should be a valid boolean")
    static let unreadableBoolean = MetadataFault(
        "bool_parsing", "Input should be a valid boolean, unable to interpret input")

    static let notInteger = MetadataFault("int_type", "Input should be a valid integer")
    static let unreadableInteger = MetadataFault(
        "int_parsing", "Input should be a valid integer, unable to parse string as an integer")
    static let fractionalInteger = MetadataFault(
        "int_from_float", "Input should be a valid integer, got a number with a fractional part")
    static let oversizedInteger = MetadataFault(
        "int_parsing_size", "Input should be a valid integer, this one is too large")
    static let infiniteInteger = MetadataFault("finite_number", "Input should be a finite number")

    static let notNumber = MetadataFault("float_type", "Input should be a valid number")
    static let unreadableNumber = MetadataFault(
        "float_parsing", "Input should be a valid number, unable to parse string as a number")

    static let notDate = MetadataFault("date_type", "Input should be a valid date")
    static let unreadableDate = MetadataFault(
        "date_from_datetime_parsing",
        "Input should be a valid date: YYYY-MM-DD, a datetime at midnight or Unix seconds or milliseconds at midnight")
    static let dateWithTime = MetadataFault(
        "date_from_datetime_inexact", "Input should be a date or a datetime at midnight, not one at another time of day"
    )
    static let yearZero = MetadataFault("date_parsing", "Input should be a valid date, year 0 is out of range")

    static let notURL = MetadataFault("url_type", "URL input should be a string or URL")

    static func invalidURL(_ reason: String) -> MetadataFault {
        MetadataFault("url_parsing", "Input should be a valid URL, \(reason)")
    }

    static func notGreater(than limit: Int) -> MetadataFault {
        MetadataFault("greater_than", "Input should be greater than \(limit)")
    }

    static func tooSmall(limit: Int) -> MetadataFault {
        MetadataFault("greater_than_equal", "Input should be greater than or equal to \(limit)")
    }

    static func tooLarge(limit: Int) -> MetadataFault {
        MetadataFault("less_than_equal", "Input should be less than or equal to \(limit)")
    }

    static func tooLong(limit: Int, count: Int) -> MetadataFault {
        MetadataFault("too_long", "Tuple should have at most \(limit) items, not \(count)")
    }

    static func notAmong(_ words: [String]) -> MetadataFault {
        let quoted = words.map { "'\($0)'" }
        let list = quoted.dropLast().joined(separator: ", ") + (words.count > 1 ? " or " : "") + (quoted.last ?? "")
        return MetadataFault("enum", "Input should be \(list)")
    }

    static func notJSON(_ error: JSONSyntaxError) -> MetadataFault {
        MetadataFault("json_invalid", "Invalid JSON: \(error.reason) at line \(error.line) column \(error.column)")
    }
}
