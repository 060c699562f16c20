/// The schema of `battdat.schemas.BatteryMetadata` of battery-data-toolkit 0.4.6, field by field and in its order.
extension MetadataKind {
    static let batteryMetadata = object([
        MetadataField("name", .text),
        MetadataField("comments", .text),
        MetadataField("version", .text, allowsNull: false),
        MetadataField("is_measurement", .boolean, allowsNull: false),
        MetadataField("test_protocol", cyclingProtocol),
        MetadataField("battery", batteryDescription),
        MetadataField("modeling", modelMetadata),
        MetadataField("source", .text),
        MetadataField("dataset_name", .text),
        MetadataField("authors", .list(of: .tuple([.text, .text]))),
        MetadataField("associated_ids", .list(of: .url)),
    ])

    private static let cyclingProtocol = object([
        MetadataField("cycler", .text),
        MetadataField("start_date", .date),
        MetadataField("set_temperature", .number),  // °C
        MetadataField("schedule", .text),
    ])

    private static let batteryDescription = object([
        MetadataField("manufacturer", .text),
        MetadataField("design", .text),
        MetadataField("layer_count", .integer(greaterThan: 1)),
        MetadataField("form_factor", .text),
        MetadataField("mass", .number),  // kg
        MetadataField("dimensions", .text),
        MetadataField("anode", electrodeDescription),
        MetadataField("cathode", electrodeDescription),
        MetadataField("electrolyte", electrolyteDescription),
        MetadataField("nominal_capacity", .number),  // A h
    ])

    private static let electrodeDescription = object([
        MetadataField("name", .text, isRequired: true, allowsNull: false),
        MetadataField("supplier", .text),
        MetadataField("product", .text),
        MetadataField("thickness", .number(atLeast: 0)),  // µm
        MetadataField("area", .number(atLeast: 0)),  // cm²
        MetadataField("loading", .number(atLeast: 0)),  // mg/cm²
        MetadataField("porosity", .number(atLeast: 0, atMost: 100)),  // %
    ])

    private static let electrolyteDescription = object([
        MetadataField("name", .text, isRequired: true, allowsNull: false),
        MetadataField("additives", .list(of: electrolyteAdditive), allowsNull: false),
    ])

    private static let electrolyteAdditive = object([
        MetadataField("name", .text, isRequired: true, allowsNull: false),
        MetadataField("amount", .number),
        // A number upstream too, though it names the unit of the amount.
        MetadataField("units", .number),
    ])

    private static let modelMetadata = object([
        MetadataField("name", .text, isRequired: true, allowsNull: false),
        MetadataField("version", .text, isRequired: true),
        MetadataField("type", .choice(["physics", "data", "empirical"])),
        MetadataField("references", .list(of: .url)),
        MetadataField("models", .list(of: .text)),
        MetadataField("simulation_type", .text),
    ])
}
