import Foundation
import LachesisModel

/// The faults of a document as `loc type`, `loc` joined by dots; empty if it is accepted.
func faults(of document: [UInt8]) throws -> [String] {
    struct Fault: Decodable {
        let loc: [Step]
        let msg: String
        let type: String
    }
    enum Step: Decodable, CustomStringConvertible {
        case key(String)
        case index(Int)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let index = try? container.decode(Int.self) {
                self = .index(index)
            } else {
                self = .key(try container.decode(String.self))
            }
        }

        var description: String {
            switch self {
            case .key(let key): key
            case .index(let index): "\(index)"
            }
        }
    }
    do {
        _ = try MetadataDocument.parse(document)
        return []
    } catch {
        return try JSONDecoder().decode([Fault].self, from: Data(error.json)).map { fault in
            "\(fault.loc.map(\.description).joined(separator: ".")) \(fault.type)"
        }
    }
}

func faults(of document: String) throws -> [String] { try faults(of: Array(document.utf8)) }
