"""What Athena reads exports by: a database, its tables, a workgroup, a saved query for each view.

A stack of its own: it holds no data and nothing else needs it, so it can be taken away where DuckDB or another
warehouse reads the bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.parts.keys import records_key
from infra.parts.names import camel, learn
from infra.stages import Stage
from infra.warehouse import FIRST_DAY, PUBLISHED, objects, statement, views

Columns = Iterable[tuple[str, str]]


class WarehouseStack(cdk.Stack):
    """Tables over the bucket of exports. A day is a partition, and Athena reckons days: there is nothing to crawl."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, **props: object) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        self._bucket = learn(self, stage, "data", "exports/name")
        self._database = f"open_dental_gateway_{stage.name.replace('-', '_')}"
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self._database, description="Exports of the Open Dental gateway"
            ),
        )
        tables = [
            self._table(
                "published",
                PUBLISHED,
                at="published/",
                parameters={"classification": "json"},
                serde="org.openx.data.jsonserde.JsonSerDe",
                reads="org.apache.hadoop.mapred.TextInputFormat",
                writes="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            ),
            *(
                self._table(
                    name,
                    [(one["name"], one["athena"]) for one in columns],
                    at=f"data/object={name}/",
                    parameters={
                        "classification": "parquet",
                        "projection.enabled": "true",
                        "projection.date.type": "date",
                        "projection.date.format": "yyyy-MM-dd",
                        "projection.date.range": f"{FIRST_DAY},NOW+1DAYS",
                        "storage.location.template": f"s3://{self._bucket}/data/object={name}/date=${{date}}/",
                    },
                    serde="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                    reads="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    writes="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    partitions=(("date", "string"),),
                )
                for name, columns in objects().items()
            ),
        ]
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=f"open-dental-gateway-{stage.name}",
            description="Queries over exports of the Open Dental gateway",
            recursive_delete_option=not stage.keep_data,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                # Results are patients' data as well, and nobody may send them elsewhere.
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self._bucket}/athena/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=records_key(self, stage).key_arn
                    ),
                ),
            ),
        )
        for name, select in views().items():
            query = athena.CfnNamedQuery(
                self,
                camel(name) + "View",
                database=self._database,
                name=name,
                description=f"Makes the view {name}",
                query_string=statement(name, select),
                work_group=workgroup.name,
            )
            query.add_resource_dependency(workgroup)
            query.add_resource_dependency(database)
        for table in tables:
            table.add_resource_dependency(database)

    def _table(
        self,
        name: str,
        columns: Columns,
        *,
        at: str,
        parameters: Mapping[str, str],
        serde: str,
        reads: str,
        writes: str,
        partitions: Columns = (),
    ) -> glue.CfnTable:
        return glue.CfnTable(
            self,
            camel(name),
            catalog_id=self.account,
            database_name=self._database,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                table_type="EXTERNAL_TABLE",
                parameters={"EXTERNAL": "TRUE", **parameters},
                partition_keys=_columns(partitions),
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=_columns(columns),
                    location=f"s3://{self._bucket}/{at}",
                    input_format=reads,
                    output_format=writes,
                    serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=serde),
                ),
            ),
        )


def _columns(columns: Columns) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=of) for name, of in columns]
