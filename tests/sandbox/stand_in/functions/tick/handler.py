"""What a one-minute schedule would run."""


def lambda_handler(event, context):
    return {}
